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
}

/** Made up for after a stall; more would come out as one burst. */
const MAX_CATCH_UP_PERIODS = 10;
/** Timers are granular to 1 ms; one that fires early by as much must not arm another for the rest. */
const EARLY_MS = 1;

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

  #idle(): boolean {
    return this.#subscribers.capture.size + this.#subscribers.playback.size === 0;
  }

  #arm(): void {
    // Node cuts fractions off: a timer that fires too early is followed by another, and a second wake-up.
    const delayMs = Math.ceil(Math.max(0, this.#dueMs - this.clock.now()));
    this.#timer = this.clock.setTimeout(() => this.#wake(), delayMs);
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wake(): void {
    this.#timer = undefined;
    this.#skipWhatIsTooLate();
    this.#ticking = true;
    try {
      this.#tickAllDue();
    } finally {
      this.#ticking = false;
      if (!this.#idle()) this.#arm();
    }
  }

  #tickAllDue(): void {
    const nowMs = this.clock.now() + EARLY_MS;
    while (this.#dueMs <= nowMs && !this.#idle()) {
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
