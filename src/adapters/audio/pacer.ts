import type { Clock } from '../../core/clock.ts';

/** What is due in one wake-up is done microphones first, so that fresh sound leaves before old sound is played. */
export type PacedRole = 'capture' | 'playback';

/** The one timer behind all devices that have no clock of their own. */
export interface Pacer {
  readonly clock: Clock;
  readonly periodMs: number;
  /** Periods left out because the process slept through them. */
  readonly skippedPeriods: number;
  /**
   * Calls `onTick` once per period, with the time it was due, until the returned function is called. The timer runs only
   * while somebody is subscribed.
   */
  add(role: PacedRole, onTick: (dueMs: number) => void): () => void;
  /**
   * Something else has woken the process, as packets do once per frame. A tick that is due soon is done in the same wake-up,
   * and the rhythm shifts slowly until one is.
   */
  wokenUp(): void;
}

/** Made up for after a stall; more would come out as one burst. */
const MAX_CATCH_UP_PERIODS = 10;
/** Timers are granular to 1 ms; one that fires early by as much must not arm another for the rest. */
const EARLY_MS = 1;
/** A tick is due by itself so long after the wake-up it waits for … */
const PATIENCE_MS = 4;
/** … and may be done so much too early: packets come a few milliseconds sooner or later. */
const SOON_MS = 2 * PATIENCE_MS;
/** Per period, so that no device runs faster or slower by more than clocks do: 1.7 % of 60 ms. */
const MOST_SHIFTED_MS = 1;

/**
 * A drift-free timer: every tick is due a whole number of periods after the first. It is shared because wake-ups, not
 * codec work, are the cost of paced audio.
 */
export function createPacer(clock: Clock, periodMs: number): Pacer {
  return new SharedPacer(clock, periodMs);
}

class SharedPacer implements Pacer {
  readonly clock: Clock;
  readonly periodMs: number;
  skippedPeriods = 0;
  readonly #subscribers: Record<PacedRole, Set<(dueMs: number) => void>> = {
    capture: new Set(),
    playback: new Set(),
  };
  #timer: unknown;
  #ticking = false;
  #dueMs = 0;
  #shiftedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, periodMs: number) {
    this.clock = clock;
    this.periodMs = periodMs;
  }

  add(role: PacedRole, onTick: (dueMs: number) => void): () => void {
    // A function of its own per subscription, so that the same `onTick` may be added twice.
    const subscriber = (dueMs: number) => onTick(dueMs);
    this.#subscribers[role].add(subscriber);
    if (this.#timer === undefined && !this.#ticking) {
      this.#dueMs = this.clock.now() + this.periodMs;
      this.#arm();
    }
    return () => {
      this.#subscribers[role].delete(subscriber);
      if (this.#idle()) this.#disarm();
    };
  }

  wokenUp(): void {
    if (this.#timer === undefined) return;
    const nowMs = this.clock.now();
    this.#shift(nowMs);
    if (this.#dueMs > nowMs + SOON_MS) return;
    this.#disarm();
    this.#tickAllDue(SOON_MS);
  }

  /** Towards the moment at which this wake-up is soon followed by a tick. */
  #shift(nowMs: number): void {
    if (nowMs - this.#shiftedMs < this.periodMs) return;
    this.#shiftedMs = nowMs;
    const lateMs = (this.#dueMs - nowMs - PATIENCE_MS) % this.periodMs;
    const shortestMs = lateMs > this.periodMs / 2 ? lateMs - this.periodMs : lateMs;
    this.#dueMs -= Math.max(-MOST_SHIFTED_MS, Math.min(MOST_SHIFTED_MS, shortestMs));
  }

  #idle(): boolean {
    return this.#subscribers.capture.size + this.#subscribers.playback.size === 0;
  }

  #arm(): void {
    this.#timer = this.clock.setTimeout(() => this.#wake(), Math.max(0, this.#dueMs - this.clock.now()));
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wake(): void {
    this.#timer = undefined;
    this.#tickAllDue(EARLY_MS);
  }

  #tickAllDue(earlyMs: number): void {
    this.#skipWhatIsTooLate();
    this.#ticking = true;
    try {
      this.#tickUntil(this.clock.now() + earlyMs);
    } finally {
      this.#ticking = false;
      if (!this.#idle()) this.#arm();
    }
  }

  #tickUntil(untilMs: number): void {
    while (this.#dueMs <= untilMs && !this.#idle()) {
      const dueMs = this.#dueMs;
      this.#dueMs += this.periodMs;
      this.#tick(this.#subscribers.capture, dueMs);
      this.#tick(this.#subscribers.playback, dueMs);
    }
  }

  /** Who joins during a tick waits for the next, or it might never end; who has left is not called. */
  #tick(subscribers: Set<(dueMs: number) => void>, dueMs: number): void {
    for (const onTick of [...subscribers]) if (subscribers.has(onTick)) onTick(dueMs);
  }

  #skipWhatIsTooLate(): void {
    const duePeriods = Math.floor((this.clock.now() - this.#dueMs) / this.periodMs) + 1;
    const excess = duePeriods - MAX_CATCH_UP_PERIODS;
    if (excess <= 0) return;
    this.skippedPeriods += excess;
    this.#dueMs += excess * this.periodMs;
  }
}
