import { execFile } from 'node:child_process';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { findProgram } from './find-program.ts';

/** A microphone (source) or loudspeaker (sink) of PulseAudio, or of PipeWire speaking its language. */
export interface ServerDevice {
  /** Stays the same when the device is plugged in again. */
  readonly name: string;
  readonly description: string;
}

type Env = Readonly<Record<string, string | undefined>>;

const TIMEOUT_MS = 3_000;

/** Devices of the sound server; none when there is no server, or no `pactl` to ask it. Monitors are no microphones. */
export function listServerDevices(kind: 'sources' | 'sinks', env: Env): Promise<ServerDevice[]> {
  const pactl = findProgram('pactl', env.PATH);
  if (pactl === undefined) return Promise.resolve([]);
  return new Promise((resolve) => {
    execFile(
      pactl,
      ['list', kind],
      { env: { ...env, LC_ALL: 'C' }, timeout: TIMEOUT_MS },
      (error, stdout) => {
        resolve(error ? [] : parseServerDevices(stdout));
      },
    );
  });
}

/** Reads `Name:` and `Description:` of `pactl list`, whose JSON is not valid in the versions that are about. */
export function parseServerDevices(text: string): ServerDevice[] {
  return text
    .split(/^(?:Source|Sink) #/m)
    .slice(1)
    .map((block) => ({
      name: /^\tName: (.*)$/m.exec(block)?.[1] ?? '',
      description: /^\tDescription: (.*)$/m.exec(block)?.[1] ?? '',
    }))
    .filter(({ name }) => name !== '' && !name.endsWith('.monitor'));
}

/**
 * The name of the device with this name or with this text in its name or description.
 * @throws ClientError AUDIO_DEVICE_MISSING when there are devices and none is meant
 */
export async function findServerDevice(kind: 'sources' | 'sinks', wanted: string, env: Env): Promise<string> {
  const devices = await listServerDevices(kind, env);
  const part = wanted.toLowerCase();
  const found =
    devices.find(({ name }) => name === wanted) ??
    devices.find((one) => `${one.name}\n${one.description}`.toLowerCase().includes(part));
  if (found) return found.name;
  const known = devices.map(({ name }) => name).join('; ');
  // Monitors and the server's own words for its defaults are not in the list, and may be asked for.
  if (known === '' || wanted.endsWith('.monitor') || wanted.startsWith('@')) return wanted;
  throw new ClientError(
    ErrorCode.audioDeviceMissing,
    `The sound server has no device "${wanted}" (it has: ${known}). See "xiaozhi-speaker devices", or plug it in.`,
    { retryable: true },
  );
}
