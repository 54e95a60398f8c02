import type { Readable } from 'node:stream';
import type { Clock, TimerHandle } from '../../core/clock.ts';

export interface ReadBudget {
  /** From now on nothing waits longer than for others to have their turn. */
  release(): void;
}

export interface ReadBudgetOptions {
  readonly clock: Clock;
  readonly unitsPerWindow: number;
  readonly windowMs: number;
  /** Takes some of what was read, and says how many units that cost. */
  take(piece: Buffer): number;
}

const newline = 0x0a;
/** Lines are handled one by one: so many of them before others have their turn. */
const maxLines = 64;

/**
 * Reads a pipe on which each line is something to do. A peer that floods is slowed down instead of keeping this process busy: what
 * costs too much within the window makes the writer wait until its end, and no chunk is handled as a whole that has many lines.
 */
export function readWithinBudget(stream: Readable, options: ReadBudgetOptions): ReadBudget {
  const { clock, unitsPerWindow, windowMs, take } = options;
  let windowEndMs = Number.NEGATIVE_INFINITY;
  let spent = 0;
  let timer: TimerHandle;
  let isTurnOver = false;
  let released = false;

  const resume = () => {
    if (timer === undefined && !isTurnOver) stream.resume();
  };

  function spend(units: number): void {
    const nowMs = clock.now();
    if (nowMs >= windowEndMs) {
      windowEndMs = nowMs + windowMs;
      spent = 0;
    }
    spent += units;
    if (released || spent <= unitsPerWindow || timer !== undefined) return;
    stream.pause();
    timer = clock.setTimeout(() => {
      timer = undefined;
      resume();
    }, windowEndMs - nowMs);
  }

  stream.on('data', (chunk: Buffer) => {
    const end = endOfLines(chunk);
    spend(take(chunk.subarray(0, end)));
    if (end === chunk.length || stream.destroyed) return;
    isTurnOver = true;
    stream.pause();
    stream.unshift(chunk.subarray(end));
    setImmediate(() => {
      isTurnOver = false;
      resume();
    });
  });

  return {
    release() {
      released = true;
      clock.clearTimeout(timer);
      timer = undefined;
      resume();
    },
  };
}

/** Behind the last line of one turn. */
function endOfLines(chunk: Buffer): number {
  let end = -1;
  for (let lines = 0; lines < maxLines; lines++) {
    end = chunk.indexOf(newline, end + 1);
    if (end < 0) return chunk.length;
  }
  return end + 1;
}
