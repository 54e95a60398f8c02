import type { Clock, TimerHandle } from '../../core/clock.ts';

export interface LifeWatchParts {
  readonly clock: Clock;
  /** Asks the other end for a sign of life. */
  readonly probe: () => void;
  /** It has given none: the connection only looks as if it were there. */
  readonly onDead: () => void;
}

/** Who has been heard so recently is not asked. */
const quietMs = 10_000;
/** A sign of life needs no model and no tool: this long is a slow network. */
const answerMs = 5_000;
/** The program itself stood still for longer: what came meanwhile has not been read yet. */
const lateMs = 1_000;

/**
 * Notices a connection whose other end is gone without a word, as after a change of networks, when something is said over
 * it: what a person asks must not wait for the minutes that TCP takes. Nothing is sent while nobody talks.
 */
export class LifeWatch {
  readonly #parts: LifeWatchParts;
  #heardMs: number;
  #probedMs = 0;
  #timer: TimerHandle;
  #stopped = false;

  constructor(parts: LifeWatchParts) {
    this.#parts = parts;
    this.#heardMs = parts.clock.now();
  }

  /** Something has come from the other end, whatever it was. */
  heard(): void {
    this.#heardMs = this.#parts.clock.now();
  }

  /** Something goes to the other end. */
  sending(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    const { clock } = this.#parts;
    const waitMs = this.#heardMs + quietMs - clock.now();
    if (waitMs <= 0) this.#ask();
    else this.#timer = clock.setTimeout(() => this.#askIfQuiet(), waitMs);
  }

  /** The network has changed: nobody waits until something is said. */
  check(): void {
    if (this.#stopped) return;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#ask();
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #askIfQuiet(): void {
    this.#timer = undefined;
    if (this.#parts.clock.now() - this.#heardMs >= quietMs) this.#ask();
  }

  #ask(): void {
    const { clock, probe } = this.#parts;
    this.#probedMs = clock.now();
    this.#timer = clock.setTimeout(() => this.#judge(), answerMs);
    probe();
  }

  #judge(): void {
    this.#timer = undefined;
    if (this.#heardMs >= this.#probedMs) return;
    if (this.#parts.clock.now() - this.#probedMs > answerMs + lateMs) this.#ask();
    else this.#parts.onDead();
  }
}
