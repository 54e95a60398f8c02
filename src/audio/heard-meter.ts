import type { Clock, TimerHandle } from '../core/clock.ts';
import { durationMs } from './format.ts';

export interface HeardMeterOptions {
  readonly clock: Clock;
  /** So much of an answer must have been played for it to count as heard, in ms. */
  readonly thresholdMs: number;
  /** How long until the last sample that was written has been heard, in ms. */
  readonly pendingMs: () => number;
  /** Called once per answer at most. */
  readonly onHeard: () => void;
}

/**
 * How much of the answer that began last has left the loudspeaker, which is more than was given to it: what lies in a buffer
 * may still be thrown away. Places are ms of everything that was ever written; what is heard now is `pendingMs` behind.
 */
export class HeardMeter {
  readonly #options: HeardMeterOptions;
  /** Which answer is measured; undefined before the first, and when it has been told or has ended. */
  #answer: number | undefined;
  #writtenMs = 0;
  /** Of the answer, as far as it has been written. */
  #answerMs = 0;
  /** Where the answer reaches the threshold. */
  #threshold: number | undefined;
  /** Something of it was thrown away: what is left is not the whole. */
  #cut = false;
  #timer: TimerHandle;

  constructor(options: HeardMeterOptions) {
    this.#options = options;
  }

  /** From now on this answer is measured, and nothing of the one before. */
  begin(answer: number): void {
    this.#forget();
    this.#answer = answer;
  }

  /** `pcm` is being given to the loudspeaker. `answer`: whose sound it is; undefined for what stands in for sound, or when nobody hears it. */
  write(pcm: Int16Array, sampleRateHz: number, answer: number | undefined): void {
    const soundMs = durationMs(pcm.length, sampleRateHz);
    this.#writtenMs += soundMs;
    if (answer === undefined || answer !== this.#answer || this.#threshold !== undefined) return;
    this.#answerMs += soundMs;
    if (this.#answerMs >= this.#options.thresholdMs)
      this.#threshold = this.#writtenMs - (this.#answerMs - this.#options.thresholdMs);
  }

  /** The loudspeaker has what was written: now it tells when that will be heard. */
  written(): void {
    if (this.#threshold !== undefined && this.#timer === undefined) this.#await();
  }

  /** What has not been heard by now never will be. Call it before the loudspeaker forgets. */
  flush(): void {
    const heard = this.#writtenMs - this.#options.pendingMs();
    const end = this.#threshold ?? this.#writtenMs;
    const answerMs = Math.max(0, Math.min(this.#answerMs, this.#options.thresholdMs) - (end - heard));
    this.#writtenMs = heard;
    if (this.#answer === undefined) return;
    if (this.#threshold !== undefined && this.#threshold <= heard) {
      this.#heard();
      return;
    }
    this.#cut = true;
    this.#answerMs = answerMs;
    this.#threshold = undefined;
    this.#stopTimer();
  }

  /** The last sample of everything has been heard, and no more is coming. */
  drained(): void {
    const isWhole = this.#answer !== undefined && this.#answerMs > 0 && !this.#cut;
    if (isWhole || this.#threshold !== undefined) this.#heard();
    else this.#forget();
  }

  #await(): void {
    const missingMs = (this.#threshold as number) - (this.#writtenMs - this.#options.pendingMs());
    if (missingMs <= 0) {
      this.#heard();
      return;
    }
    this.#timer = this.#options.clock.setTimeout(() => this.#await(), Math.ceil(missingMs));
  }

  #heard(): void {
    this.#forget();
    this.#options.onHeard();
  }

  #forget(): void {
    this.#answer = undefined;
    this.#answerMs = 0;
    this.#threshold = undefined;
    this.#cut = false;
    this.#stopTimer();
  }

  #stopTimer(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
