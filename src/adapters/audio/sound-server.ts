import { execFile } from 'node:child_process';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { findProgram } from './find-program.ts';

/** A microphone (source) or loudspeaker (sink) of PulseAudio, or of PipeWire speaking its language. */
export interface ServerDevice {
  /** Stays the same when the device is plugged in again. */
  readonly name: string;
  readonly description: string;
  readonly muted: boolean;
  /** The lowest of its channels; undefined where the server does not tell. */
  readonly volumePercent: number | undefined;
  readonly channels: number;
}

/** What the server uses where nothing is asked for; undefined where it does not say. */
export interface ServerDefaults {
  readonly source: string | undefined;
  readonly sink: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

const TIMEOUT_MS = 3_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Undefined when no server answers, or there is no `pactl` to ask it. */
export async function readServerDefaults(env: Env): Promise<ServerDefaults | undefined> {
  const text = await askServer(['info'], env);
  if (text === undefined) return undefined;
  const named = (what: string) => {
    const name = new RegExp(`^Default ${what}: (.+)$`, 'm').exec(text)?.[1];
    return name === undefined || name.startsWith('@') ? undefined : name;
  };
  return { source: named('Source'), sink: named('Sink') };
}

/**
 * The microphone that is meant where none is asked for: the server's own choice, unless that is a monitor (it would hear
 * what the loudspeaker plays); then the first real one. Undefined when the server names none, or there is none to ask.
 * @throws ClientError AUDIO_DEVICE_MISSING when it has monitors only
 */
export async function findDefaultSource(env: Env): Promise<ServerDevice | undefined> {
  const [defaults, text] = await Promise.all([readServerDefaults(env), askServer(['list', 'sources'], env)]);
  if (text === undefined || !/^Source #/m.test(text)) return undefined;
  const sources = parseServerDevices(text);
  const chosen = sources.find(({ name }) => name === defaults?.source) ?? sources[0];
  if (chosen) return chosen;
  throw new ClientError(
    ErrorCode.audioDeviceMissing,
    'The sound server has no microphone, only monitors of what is played. Plug one in; "pactl list short sources" shows what there is.',
    { retryable: true },
  );
}

/** A device that lets no sound through, as a sentence with what to do; undefined for one that does. */
export function mutedAdvice(kind: 'source' | 'sink', device: ServerDevice): string | undefined {
  const { name, description, muted, volumePercent } = device;
  if (muted) return `"${description}" is muted: run "pactl set-${kind}-mute ${name} 0".`;
  if (volumePercent === undefined || volumePercent > 0) return undefined;
  return `The volume of "${description}" is 0 %: run "pactl set-${kind}-volume ${name} 80%".`;
}

/** Why a microphone (`record`, `record:NAME`) is silent, where the sound server knows. Never rejects. */
export async function diagnoseSilence(microphone: string, env: Env): Promise<string | undefined> {
  const [sources, defaults] = await Promise.all([listServerDevices('sources', env), readServerDefaults(env)]);
  const wanted = microphone.slice(microphone.indexOf(':') + 1);
  const name = microphone.includes(':') ? wanted : (defaults?.source ?? '');
  const source =
    sources.find((one) => one.name === name) ??
    sources.find((one) => `${one.name}\n${one.description}`.toLowerCase().includes(name.toLowerCase()));
  return source && mutedAdvice('source', source);
}

/** Devices of the sound server; none when there is no server, or no `pactl` to ask it. Monitors are no microphones. */
export async function listServerDevices(kind: 'sources' | 'sinks', env: Env): Promise<ServerDevice[]> {
  return parseServerDevices((await askServer(['list', kind], env)) ?? '');
}

function askServer(words: readonly string[], env: Env): Promise<string | undefined> {
  const pactl = findProgram('pactl', env.PATH);
  if (pactl === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const options = { env: { ...env, LC_ALL: 'C' }, timeout: TIMEOUT_MS, maxBuffer: MAX_ANSWER_BYTES };
    execFile(pactl, words, options, (error, stdout) => resolve(error ? undefined : stdout));
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
      muted: /^\tMute: yes$/m.test(block),
      volumePercent: volumeIn(/^\tVolume: (.*)$/m.exec(block)?.[1] ?? ''),
      channels: Number(/^\tSample Specification: \S+ (\d+)ch/m.exec(block)?.[1] ?? 1),
      isMonitor: /^\tMonitor of Sink: (?!n\/a)./m.test(block),
    }))
    .filter(({ name, isMonitor }) => name !== '' && !name.endsWith('.monitor') && !isMonitor)
    .map(({ isMonitor, ...device }) => device);
}

function volumeIn(text: string): number | undefined {
  const percents = [...text.matchAll(/(\d+)%/g)].map(([, percent]) => Number(percent));
  return percents.length === 0 ? undefined : Math.min(...percents);
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
