import type { Loudspeaker } from '../ports/loudspeaker.ts';

/** Told what the loudspeaker has been given (lent), and in how many ms its last sample will be heard. */
export type OnPlayed = (pcm: Int16Array, sampleRateHz: number, pendingMs: number) => void;

/** The same loudspeaker, for whoever needs to know the far end; one that is open. */
export function watchLoudspeaker(loudspeaker: Loudspeaker, onPlayed: OnPlayed): Loudspeaker {
  return {
    name: loudspeaker.name,
    get sampleRateHz() {
      return loudspeaker.sampleRateHz;
    },
    start: (onError) => loudspeaker.start(onError),
    write: (pcm) => {
      // The loudspeaker owns what it is given, and only afterwards tells when that will be heard.
      const copy = pcm.slice();
      const room = loudspeaker.write(pcm);
      onPlayed(copy, loudspeaker.sampleRateHz, loudspeaker.pendingMs());
      return room;
    },
    flush: () => loudspeaker.flush(),
    pendingMs: () => loudspeaker.pendingMs(),
    stop: () => loudspeaker.stop(),
  };
}
