import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { PacedPlayback } from './paced-playback.ts';
import type { Pacer } from './pacer.ts';

export interface NullLoudspeakerOptions {
  readonly pacer: Pacer;
  readonly sampleRateHz?: number;
}

/** Nobody hears it, but it takes its time: for servers, benchmarks and machines without a sound card. */
export function createNullLoudspeaker({ pacer, sampleRateHz = 24_000 }: NullLoudspeakerOptions): Loudspeaker {
  const playback = new PacedPlayback(pacer, sampleRateHz);
  let open = false;
  return {
    name: 'null',
    sampleRateHz,
    start: () => {
      open = true;
      return Promise.resolve();
    },
    write: (pcm) => (open ? playback.play(pcm.length) : Promise.resolve()),
    flush: () => void playback.flush(),
    pendingMs: () => playback.pendingMs(),
    stop: () => {
      open = false;
      playback.flush();
      return Promise.resolve();
    },
  };
}
