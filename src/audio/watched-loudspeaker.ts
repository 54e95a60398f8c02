import type { Loudspeaker } from '../ports/loudspeaker.ts';

/** Told what the loudspeaker has been given (lent), and in how many ms its last sample will be heard. */
export type OnPlayed = (pcm: Int16Array, sampleRateHz: number, pendingMs: number) => void;

/** Told that what was given will not be heard beyond so many ms from now. */
export type OnCut = (pendingMs: number) => void;

/** The same loudspeaker, for whoever needs to know the far end. */
export function watchLoudspeaker(
  loudspeaker: Loudspeaker,
  onPlayed: OnPlayed,
  onCut: OnCut = () => {},
): Loudspeaker {
  return {
    get name() {
      return loudspeaker.name;
    },
    get sampleRateHz() {
      return loudspeaker.sampleRateHz;
    },
    get xruns() {
      return loudspeaker.xruns ?? 0;
    },
    start: (onError) => loudspeaker.start(onError),
    write: (pcm) => {
      const { sampleRateHz } = loudspeaker;
      // The loudspeaker owns what it is given, and only afterwards tells when that will be heard.
      const copy = pcm.slice();
      const room = loudspeaker.write(pcm);
      if (sampleRateHz > 0) onPlayed(copy, sampleRateHz, loudspeaker.pendingMs());
      return room;
    },
    flush: () => {
      loudspeaker.flush();
      onCut(loudspeaker.pendingMs());
    },
    pendingMs: () => loudspeaker.pendingMs(),
    stop: async () => {
      await loudspeaker.stop();
      onCut(0);
    },
  };
}
