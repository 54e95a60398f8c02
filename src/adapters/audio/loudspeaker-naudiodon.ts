import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import type { Pacer } from './pacer.ts';
import { findPortAudioDevice, openPortAudio } from './portaudio.ts';
import { createStreamLoudspeaker, type OutputStream } from './stream-loudspeaker.ts';

export interface PortAudioLoudspeakerOptions {
  readonly pacer: Pacer;
  /** Number or part of the name; undefined is the default device. */
  readonly device?: string | undefined;
}

const PREFERRED_RATE_HZ = 24_000;
const LATENCY_MS = 60;

export function createPortAudioLoudspeaker({ pacer, device }: PortAudioLoudspeakerOptions): Loudspeaker {
  return createStreamLoudspeaker({
    name: device === undefined ? 'portaudio' : `portaudio:${device}`,
    pacer,
    latencyMs: LATENCY_MS,
    open: () => open(device),
  });
}

async function open(device: string | undefined): Promise<OutputStream> {
  const { stream, sampleRateHz } = openPortAudio(
    'output',
    await findPortAudioDevice('output', device),
    PREFERRED_RATE_HZ,
  );
  return { stream, sampleRateHz, close: () => new Promise((resolve) => stream.quit(resolve)) };
}
