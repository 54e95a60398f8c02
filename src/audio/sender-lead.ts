import type { Step } from './jitter-estimator.ts';

/** The undisturbed path does not become shorter by such a part of a frame within one, unless the sender runs ahead. */
const GROWTH = 1 / 12;
/** The sender has kept time for so long: what it is ahead was given at the beginning. */
const STEADY_MS = 1_000;
/** An event loop is hardly late by more, and servers that run ahead begin with five frames or more. */
const ACCIDENT_MS = 200;
/** Answers that must have begun alike. */
const HABIT_ANSWERS = 2;

/**
 * How far ahead of time the sender runs: distance between the undisturbed arrival and being heard that nobody had to wait
 * for. Packets that were handled together because this process was busy look the same; but a sender runs ahead in every
 * answer, and a process is not always late. So a small lead that was not there in the last answers is not trusted.
 */
export class SenderLead {
  #leadMs = 0;
  /** With which this answer began. */
  #firstMs: number | undefined;
  #grownAtMs: number | undefined;
  #isSteady = false;
  /** Of the last answers, newest first. */
  #habitMs: readonly number[] = [];

  /** So much of it is worth keeping, in ms. */
  get trustedMs(): number {
    if (!this.#isSteady || this.#leadMs > ACCIDENT_MS) return this.#leadMs;
    if (this.#habitMs.length < HABIT_ANSWERS) return 0;
    return Math.min(this.#leadMs, ...this.#habitMs);
  }

  restart(): void {
    if (this.#firstMs !== undefined)
      this.#habitMs = [this.#firstMs, ...this.#habitMs].slice(0, HABIT_ANSWERS);
    this.#leadMs = 0;
    this.#firstMs = undefined;
    this.#grownAtMs = undefined;
    this.#isSteady = false;
  }

  /** Playback begins so far behind the undisturbed arrival. */
  accept(cushionMs: number): void {
    this.#leadMs = cushionMs;
  }

  /** A packet with a frame of `frameMs` came, and shortened the undisturbed path by so much. */
  arrive(arrivedMs: number, shortenedMs: number, frameMs: number): void {
    if (shortenedMs > frameMs * GROWTH) {
      this.#leadMs += shortenedMs;
      this.#grownAtMs = arrivedMs;
      this.#isSteady = false;
      return;
    }
    this.#grownAtMs ??= arrivedMs;
    if (arrivedMs - this.#grownAtMs < STEADY_MS) return;
    this.#isSteady = true;
    this.#firstMs ??= this.#leadMs;
  }

  /** The sender has paused: by so much of its lead playback went on meanwhile. */
  step({ byMs, aheadMs }: Step, arrivedMs: number): void {
    this.#firstMs ??= this.#leadMs;
    this.#leadMs = Math.max(0, this.#leadMs - byMs, aheadMs);
    this.#grownAtMs = arrivedMs;
    this.#isSteady = false;
  }
}
