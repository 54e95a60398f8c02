import type { Clock } from '../core/clock.ts';

/** Deliveries are late by chance, never early: only a lateness that all of them share for so long is real. */
const WINDOW_MS = 1_000;
const TOLERANCE_MS = 10;

/** When sound was captured, told from when it was delivered: counts its length, and follows the clock where both drift. */
export class CaptureClock {
  readonly #clock: Clock;
  #endMs: number | undefined;
  #windowMs = 0;
  #leastLateMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sound of this length has been delivered, joining what came before. Tells when its first sample was captured. */
  push(durationMs: number): number {
    const nowMs = this.#clock.now();
    let endMs = (this.#endMs ?? nowMs - durationMs) + durationMs;
    const lateMs = nowMs - endMs;
    if (lateMs < -TOLERANCE_MS) {
      endMs = nowMs;
      this.#beginWindow();
    } else {
      endMs += this.#correctionMs(lateMs, durationMs);
    }
    this.#endMs = endMs;
    return endMs - durationMs;
  }

  /** The next sound joins nothing. */
  reset(): void {
    this.#endMs = undefined;
    this.#beginWindow();
  }

  #correctionMs(lateMs: number, durationMs: number): number {
    this.#leastLateMs = Math.min(this.#leastLateMs, lateMs);
    this.#windowMs += durationMs;
    if (this.#windowMs < WINDOW_MS) return 0;
    const leastMs = this.#leastLateMs;
    this.#beginWindow();
    return leastMs > TOLERANCE_MS ? leastMs : 0;
  }

  #beginWindow(): void {
    this.#windowMs = 0;
    this.#leastLateMs = Number.POSITIVE_INFINITY;
  }
}
