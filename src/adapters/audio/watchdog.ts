import type { Clock, TimerHandle } from '../../core/clock.ts';

/** A device that goes quiet without a word (its sound server died, it was suspended) is noticed by what does not come. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  #fedAtMs: number;
  #timer: TimerHandle;

  constructor(clock: Clock, limitMs: number, onSilence: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
    this.#fedAtMs = clock.now();
    this.#arm(limitMs);
  }

  /** Cheap: called for every chunk. */
  feed(): void {
    this.#fedAtMs = this.#clock.now();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      const leftMs = this.#fedAtMs + this.#limitMs - this.#clock.now();
      if (leftMs > 0) this.#arm(leftMs);
      else this.#onSilence();
    }, delayMs);
  }
}
