import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { IdleSignal } from '../../ports/idle-signal.ts';

export interface ReannouncerOptions {
  readonly clock: Clock;
  readonly idle: IdleSignal;
  /** The other end has read a list that is not what it would read now. */
  isOutdated(): boolean;
  /** A call waits for its answer. */
  isBusy(): boolean;
  /** Says that the list has changed. */
  announce(): void;
  /** Makes the other end read the list by meeting it anew. */
  redial(): void;
}

/** Changes come in bursts. */
const coalesceMs = 1000;
/** Who honours the announcement has read the list again by then. */
const rereadMs = 3000;
const retryMs = 1000;
/** A list that never stops changing must not keep the link down. */
const betweenRedialsMs = 60_000;

/**
 * Brings a changed list to somebody who reads it only at the start of a connection: says so, and when that does not help,
 * meets them anew; never in a conversation and never while a call runs.
 */
export class Reannouncer {
  readonly #options: ReannouncerOptions;
  readonly #unsubscribe: () => void;
  #step: 'calm' | 'coalescing' | 'announced' | 'due' = 'calm';
  #timer: TimerHandle;
  #lastRedialMs = Number.NEGATIVE_INFINITY;

  constructor(options: ReannouncerOptions) {
    this.#options = options;
    this.#unsubscribe = options.idle.onIdle(() => {
      if (this.#step === 'due') this.#redialIfPossible();
    });
  }

  /** Tools have changed. */
  changed(): void {
    if (this.#step === 'calm') this.#enter('coalescing', coalesceMs, () => this.#announce());
  }

  /** The connection is gone: the next one reads anew. */
  reset(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#step = 'calm';
  }

  stop(): void {
    this.reset();
    this.#unsubscribe();
  }

  #announce(): void {
    if (!this.#options.isOutdated()) {
      this.reset();
      return;
    }
    this.#options.announce();
    this.#enter('announced', rereadMs, () => this.#redialIfPossible());
  }

  #redialIfPossible(): void {
    const { clock, idle } = this.#options;
    if (!this.#options.isOutdated()) {
      this.reset();
      return;
    }
    const tooSoon = clock.now() - this.#lastRedialMs < betweenRedialsMs;
    if (tooSoon || !idle.isIdle || this.#options.isBusy()) {
      this.#enter('due', retryMs, () => this.#redialIfPossible());
      return;
    }
    this.#lastRedialMs = clock.now();
    this.reset();
    this.#options.redial();
  }

  #enter(step: 'coalescing' | 'announced' | 'due', delayMs: number, then: () => void): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#step = step;
    this.#timer = clock.setTimeout(then, delayMs);
  }
}
