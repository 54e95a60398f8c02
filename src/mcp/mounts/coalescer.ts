import { backoffDelayMs } from '../../core/backoff.ts';
import type { Clock, TimerHandle } from '../../core/clock.ts';

export interface CoalescerOptions {
  readonly clock: Clock;
  /** From the first request to the run that answers it. */
  readonly delayMs: number;
  /** From the end of a run to the next, at least. */
  readonly gapMs: number;
  /** A run that rejects is repeated, after gaps that double up to a minute. */
  readonly run: () => Promise<void>;
}

/** Many requests, few runs: one at a time, and one more for everything that was requested while it ran. */
export interface Coalescer {
  request(): void;
  /** What has been requested is done at once, or when the present run ends. */
  hurry(): void;
  /** Forgets what was requested. */
  stop(): void;
  /** Does what was requested and is not done yet, and nothing after it. Never rejects. */
  finish(): Promise<void>;
}

const maxGapMs = 60_000;

export function createCoalescer({ clock, delayMs, gapMs, run }: CoalescerOptions): Coalescer {
  let timer: TimerHandle;
  let state: 'quiet' | 'requested' | 'running' | 'running-requested' | 'stopped' = 'quiet';
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let running: Promise<void> = Promise.resolve();

  function arm(leastMs: number): void {
    state = 'requested';
    const waitMs = Math.max(leastMs, notBeforeMs - clock.now());
    if (waitMs > 0) timer = clock.setTimeout(() => void start(), waitMs);
    else void start();
  }

  async function start(): Promise<void> {
    state = 'running';
    let isDone = true;
    try {
      running = run();
      await running;
    } catch {
      isDone = false;
    }
    failures = isDone ? 0 : failures + 1;
    notBeforeMs =
      clock.now() + backoffDelayMs(failures, { firstMs: gapMs, maxMs: Math.max(gapMs, maxGapMs) });
    const wanted = state as string;
    if (wanted === 'stopped') return;
    state = 'quiet';
    if (wanted === 'running-requested' || !isDone) arm(0);
  }

  return {
    request() {
      if (state === 'quiet') arm(delayMs);
      else if (state === 'running') state = 'running-requested';
    },
    hurry() {
      if (state !== 'requested') return;
      clock.clearTimeout(timer);
      void start();
    },
    stop() {
      clock.clearTimeout(timer);
      state = 'stopped';
    },
    async finish() {
      const isWanted = state === 'requested' || state === 'running-requested';
      clock.clearTimeout(timer);
      state = 'stopped';
      await running.catch(() => {});
      if (isWanted) await run().catch(() => {});
    },
  };
}
