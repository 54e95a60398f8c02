/** Handle of a pending timer; only the clock that made it may look inside. */
export type TimerHandle = unknown;

/** Time as an argument. Monotonic milliseconds since an arbitrary start; the shape xstate wants for its clock, plus `now`. */
export interface Clock {
  now(): number;
  setTimeout(callback: () => void, delayMs: number): TimerHandle;
  clearTimeout(handle: TimerHandle): void;
}

/** The real clock. `performance.now`, because `Date.now` jumps when NTP sets the time of a freshly booted board. */
export const monotonicClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. The caller looks at `signal.aborted`. */
export function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs);
    signal.addEventListener('abort', done, { once: true });
  });
}
