import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { createHelperLoudspeaker } from './helper-loudspeaker.ts';
import type { Pacer } from './pacer.ts';
import { alsaAddressOf, alsaRateHz, findSoundServer, type SoundSurroundings } from './sound-hardware.ts';
import { findServerDevice } from './sound-server.ts';

export interface SpeakerLoudspeakerOptions {
  readonly pacer: Pacer;
  /** Name or part of the name of a device, or an ALSA address; undefined is the system's default. */
  readonly device?: string | undefined;
  readonly surroundings?: SoundSurroundings;
}

const PREFERRED_RATE_HZ = 24_000;
/** From a write to the loudspeaker, measured on the virtual cable with what it takes to record it. */
export const SPEAKER_LATENCY_MS = 30;

/** The system's sound output through the package `speaker` (mpg123 over ALSA), in a helper process. */
export function createSpeakerLoudspeaker(options: SpeakerLoudspeakerOptions): Loudspeaker {
  const { pacer, device, surroundings = { env: process.env } } = options;
  return createHelperLoudspeaker({
    name: device === undefined ? 'speaker' : `speaker:${device}`,
    pacer,
    latencyMs: SPEAKER_LATENCY_MS,
    find: async () => {
      const address = await addressOf(device, surroundings);
      const sampleRateHz = address?.startsWith('pulse')
        ? PREFERRED_RATE_HZ
        : alsaRateHz(surroundings, address, PREFERRED_RATE_HZ);
      return { kind: 'speaker', device: address, sampleRateHz, env: surroundings.env };
    },
  });
}

/** Devices of a sound server are reached through ALSA's plug-in for it. */
async function addressOf(
  device: string | undefined,
  surroundings: SoundSurroundings,
): Promise<string | undefined> {
  const server = findSoundServer(surroundings);
  if (!server?.speaksPulse || device === undefined || device.includes(':')) {
    return alsaAddressOf(surroundings, device, 'playback');
  }
  return `pulse:${await findServerDevice('sinks', device, surroundings.env)}`;
}
