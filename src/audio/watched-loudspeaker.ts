import type { Loudspeaker } from '../ports/loudspeaker.ts';

/** Told what the loudspeaker has been given (lent), and in how many ms its last sample will be heard. */
export type OnPlayed = (pcm: Int16Array, sampleRateHz: number, pendingMs: number) => void;

/** Told that what was given will not be heard beyond so many ms from now. */
export type OnCut = (pendingMs: number) => void;

/** Who needs to know the far end. */
export interface FarEndWatcher {
  /** Asked with every write: a copy for nobody is a copy too many. */
  readonly isWatching: boolean;
  readonly played: OnPlayed;
  readonly cut?: OnCut;
}

/** The same loudspeaker, watched. */
export function watchLoudspeaker(loudspeaker: Loudspeaker, watcher: FarEndWatcher): Loudspeaker {
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
    get isUnheard() {
      return loudspeaker.isUnheard ?? false;
    },
    start: (onError) => loudspeaker.start(onError),
    write: (pcm) => {
      const { sampleRateHz } = loudspeaker;
      if (!watcher.isWatching || sampleRateHz <= 0) return loudspeaker.write(pcm);
      // The loudspeaker owns what it is given, and only afterwards tells when that will be heard.
      const copy = pcm.slice();
      const room = loudspeaker.write(pcm);
      watcher.played(copy, sampleRateHz, loudspeaker.pendingMs());
      return room;
    },
    flush: () => {
      loudspeaker.flush();
      watcher.cut?.(loudspeaker.pendingMs());
    },
    pendingMs: () => loudspeaker.pendingMs(),
    stop: async () => {
      await loudspeaker.stop();
      watcher.cut?.(0);
    },
  };
}
