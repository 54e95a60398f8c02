import { ClientError, ErrorCode } from '../../core/errors.ts';
import { probeError, probePackage } from './native-package.ts';

export type PortAudioDirection = 'input' | 'output';

export interface PortAudioDevice {
  readonly id: number;
  readonly name: string;
  readonly maxInputChannels: number;
  readonly maxOutputChannels: number;
  readonly defaultSampleRate: number;
}

/**
 * Asked of a child process, which keeps the messages of ALSA, and a crash, away from ours.
 * @throws ClientError AUDIO_BACKEND_MISSING or AUDIO_DEVICE_MISSING
 */
export async function listPortAudioDevices(
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly PortAudioDevice[]> {
  const probe = await probePackage('naudiodon', 'JSON.stringify(loaded.getDevices())', env);
  if (!probe.ok) throw probeError('portaudio', probe);
  return JSON.parse(probe.output) as PortAudioDevice[];
}

/**
 * That there is a device with this number or with this text in its name, or any when neither is given.
 * @throws ClientError AUDIO_BACKEND_MISSING or AUDIO_DEVICE_MISSING
 */
export async function checkPortAudioDevice(
  direction: PortAudioDirection,
  wanted: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const devices = (await listPortAudioDevices(env)).filter((device) => channelsOf(device, direction) > 0);
  const part = wanted?.toLowerCase() ?? '';
  if (devices.some(({ id, name }) => String(id) === wanted || name.toLowerCase().includes(part))) return;
  const what = wanted === undefined ? `no ${direction} device` : `no ${direction} device "${wanted}"`;
  const known = devices.map((device) => device.name).join('; ') || 'none';
  throw new ClientError(
    ErrorCode.audioDeviceMissing,
    `PortAudio knows ${what} (it knows: ${known}). See "xiaozhi-speaker devices", or plug one in.`,
  );
}

function channelsOf(device: PortAudioDevice, direction: PortAudioDirection): number {
  return direction === 'input' ? device.maxInputChannels : device.maxOutputChannels;
}
