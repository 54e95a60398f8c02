import type { Readable } from 'node:stream';
import type { Clock, TimerHandle } from '../../core/clock.ts';

export interface ReadBudget {
  /** Counts what was read; too much within the window pauses the stream until its end, so that the writer must wait. */
  spend(units: number): void;
  /** From now on nothing is paused. */
  release(): void;
}

export interface ReadBudgetOptions {
  readonly clock: Clock;
  readonly unitsPerWindow: number;
  readonly windowMs: number;
}

/** A peer that floods a pipe is slowed down instead of keeping this process busy. */
export function createReadBudget(stream: Readable, options: ReadBudgetOptions): ReadBudget {
  const { clock, unitsPerWindow, windowMs } = options;
  let windowEndMs = Number.NEGATIVE_INFINITY;
  let spent = 0;
  let timer: TimerHandle;
  let released = false;
  const resume = () => {
    timer = undefined;
    stream.resume();
  };
  return {
    spend(units) {
      const nowMs = clock.now();
      if (nowMs >= windowEndMs) {
        windowEndMs = nowMs + windowMs;
        spent = 0;
      }
      spent += units;
      if (released || spent <= unitsPerWindow || timer !== undefined) return;
      stream.pause();
      timer = clock.setTimeout(resume, windowEndMs - nowMs);
    },
    release() {
      released = true;
      if (timer === undefined) return;
      clock.clearTimeout(timer);
      resume();
    },
  };
}
