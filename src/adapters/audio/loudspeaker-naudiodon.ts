import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { createHelperLoudspeaker } from './helper-loudspeaker.ts';
import type { Pacer } from './pacer.ts';

export interface PortAudioLoudspeakerOptions {
  readonly pacer: Pacer;
  /** Number, name or part of the name; undefined is the default device. */
  readonly device?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const PREFERRED_RATE_HZ = 24_000;
/** From a write to the loudspeaker, measured on the virtual cable: two periods of 7 ms queued, the rest in PortAudio. */
export const PORTAUDIO_OUTPUT_LATENCY_MS = 30;

/** A loudspeaker through PortAudio (package naudiodon), in a helper process. */
export function createPortAudioLoudspeaker(options: PortAudioLoudspeakerOptions): Loudspeaker {
  const { pacer, device, env = process.env } = options;
  return createHelperLoudspeaker({
    name: device === undefined ? 'portaudio' : `portaudio:${device}`,
    pacer,
    latencyMs: PORTAUDIO_OUTPUT_LATENCY_MS,
    find: () => Promise.resolve({ kind: 'portaudio-output', device, sampleRateHz: PREFERRED_RATE_HZ, env }),
  });
}
