import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { packageDirectory, probeError, probePackage, requirePackage } from './native-package.ts';

export type PortAudioDirection = 'input' | 'output';

export interface PortAudioDevice {
  readonly id: number;
  readonly name: string;
  readonly maxInputChannels: number;
  readonly maxOutputChannels: number;
  readonly defaultSampleRate: number;
}

export type PortAudioStream = Readable & Writable & { start(): void; quit(done: () => void): void };

interface PortAudioPackage {
  readonly SampleFormat16Bit: number;
  AudioIO(options: Readonly<Record<string, unknown>>): PortAudioStream;
}

export interface OpenedPortAudio {
  readonly stream: PortAudioStream;
  readonly sampleRateHz: number;
}

/** One read or write, in ms: half the usual device period, a third of a frame. */
const BUFFER_MS = 20;

/**
 * Asked of a child process, which keeps the messages of ALSA, and a crash, away from ours.
 * @throws ClientError AUDIO_BACKEND_MISSING or AUDIO_DEVICE_MISSING
 */
export async function listPortAudioDevices(): Promise<readonly PortAudioDevice[]> {
  const probe = await probePackage('naudiodon', 'JSON.stringify(loaded.getDevices())');
  if (!probe.ok) throw probeError('portaudio', probe);
  return JSON.parse(probe.output) as PortAudioDevice[];
}

/** The device with this number or with this text in its name, the first usable one when neither is given. */
export async function findPortAudioDevice(
  direction: PortAudioDirection,
  wanted: string | undefined,
): Promise<PortAudioDevice> {
  const devices = (await listPortAudioDevices()).filter((device) => channelsOf(device, direction) > 0);
  const found =
    wanted === undefined
      ? (devices.find((device) => device.name === 'default') ?? devices[0])
      : (devices.find((device) => String(device.id) === wanted) ??
        devices.find((device) => device.name.toLowerCase().includes(wanted.toLowerCase())));
  if (found) return found;
  const what = wanted === undefined ? `no ${direction} device` : `no ${direction} device "${wanted}"`;
  const known = devices.map((device) => `${device.id} ${device.name}`).join('; ') || 'none';
  throw new ClientError(
    ErrorCode.audioDeviceMissing,
    `PortAudio knows ${what} (it knows: ${known}). See "xiaozhi-speaker devices", or plug one in.`,
  );
}

/** Opens and starts one direction, mono 16-bit, at the preferred rate or else at the one the device has by itself. */
export function openPortAudio(
  direction: PortAudioDirection,
  device: PortAudioDevice,
  preferredRateHz: number,
): OpenedPortAudio {
  const portAudio = loadPortAudio();
  const open = (sampleRateHz: number): OpenedPortAudio => {
    const framesPerBuffer = Math.round((sampleRateHz * BUFFER_MS) / 1000);
    const options = {
      channelCount: 1,
      sampleFormat: portAudio.SampleFormat16Bit,
      sampleRate: sampleRateHz,
      deviceId: device.id,
      closeOnError: true,
      framesPerBuffer,
      maxQueue: 4,
      highwaterMark: framesPerBuffer * 2,
    };
    const stream = portAudio.AudioIO({ [direction === 'input' ? 'inOptions' : 'outOptions']: options });
    stream.start();
    return { stream, sampleRateHz };
  };
  try {
    return open(preferredRateHz);
  } catch {
    return openAtOwnRate(device, open);
  }
}

function openAtOwnRate(
  device: PortAudioDevice,
  open: (sampleRateHz: number) => OpenedPortAudio,
): OpenedPortAudio {
  try {
    return open(Math.round(device.defaultSampleRate));
  } catch (error) {
    throw new ClientError(
      ErrorCode.audioDeviceMissing,
      `The sound device ${device.name} cannot be opened (${messageOf(error)}). Close other programs that use it.`,
      { retryable: true, cause: error },
    );
  }
}

/** Only to be called after a probe. Its crash handler is left out: it would swallow core dumps and write into the cwd. */
function loadPortAudio(): PortAudioPackage {
  const directory = packageDirectory('naudiodon');
  if (directory !== undefined) {
    const path = createRequire(join(directory, 'index.js')).resolve('segfault-handler');
    requirePackage.cache[path] ??= { exports: { registerHandler: () => {} } } as NodeJS.Module;
  }
  return requirePackage('naudiodon') as PortAudioPackage;
}

function channelsOf(device: PortAudioDevice, direction: PortAudioDirection): number {
  return direction === 'input' ? device.maxInputChannels : device.maxOutputChannels;
}
