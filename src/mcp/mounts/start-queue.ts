import type { Clock } from '../../core/clock.ts';

/** Starts servers side by side, a few at a time: many at once would starve the device of processor and memory. */
export interface StartQueue {
  add(start: () => Promise<void>): void;
  /** Nothing more is begun. */
  stop(): void;
}

const maxAtOnce = 4;
/** A server that takes longer than this, or hangs, makes room for the next and goes on beside it. */
const slowAfterMs = 1500;

export function createStartQueue(clock: Clock): StartQueue {
  const waiting: (() => Promise<void>)[] = [];
  const releases = new Set<() => void>();
  let isStopped = false;

  function next(): void {
    if (isStopped || releases.size >= maxAtOnce) return;
    const start = waiting.shift();
    if (!start) return;
    const release = () => {
      clock.clearTimeout(timer);
      if (releases.delete(release)) next();
    };
    const timer = clock.setTimeout(release, slowAfterMs);
    releases.add(release);
    start().then(release, release);
    next();
  }

  return {
    add(start) {
      waiting.push(start);
      next();
    },
    stop() {
      isStopped = true;
      waiting.length = 0;
      for (const release of releases) release();
    },
  };
}
