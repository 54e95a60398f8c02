import type { Clock, TimerHandle } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import { samplesPerFrame } from './format.ts';
import { createResampler } from './resampler.ts';

export interface CueLoudspeaker extends Loudspeaker {
  /**
   * Plays a sound of the device beside what it says, at once and whether or not the loudspeaker is open. One that is playing
   * gives way. Resolves when all of it has been written, or it gave way. Never rejects.
   */
  playCue(pcm: Int16Array, sampleRateHz: number): Promise<void>;
  /** Falls silent, closes what was opened for a cue; nothing is played after it. */
  endCues(): Promise<void>;
}

interface Cue {
  samples: Int16Array;
  readonly done: () => void;
}

const chunkMs = 20;
/** An answer writes more often; a pause this long means that nobody else writes. */
const othersWriteMs = 200;
/** The last sound is in the card for a moment after it was written. */
const tailMs = 150;

/**
 * A loudspeaker into which short sounds are mixed. It stands above the echo canceller, which therefore knows them and takes
 * them out of what the microphone hears.
 */
export function createCueLoudspeaker(inner: Loudspeaker, clock: Clock): CueLoudspeaker {
  return new MixingLoudspeaker(inner, clock);
}

class MixingLoudspeaker implements CueLoudspeaker {
  readonly #inner: Loudspeaker;
  readonly #clock: Clock;
  /** Opened by whoever speaks; for a cue it is opened besides. */
  #wanted = false;
  /** Of whoever speaks; a cue that cannot be heard is nobody's trouble. */
  #onError: (error: ClientError) => void = () => {};
  #cue: Cue | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #pumping = false;
  #ended = false;
  #closeTimer: TimerHandle;
  /** Starts and stops of the device below, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isOpen = false;

  constructor(inner: Loudspeaker, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  get name(): string {
    return this.#inner.name;
  }

  get sampleRateHz(): number {
    return this.#inner.sampleRateHz;
  }

  get xruns(): number {
    return this.#inner.xruns ?? 0;
  }

  start(onError: (error: ClientError) => void): Promise<void> {
    this.#wanted = true;
    this.#clock.clearTimeout(this.#closeTimer);
    this.#onError = onError;
    // One that is open for a cue stays so: opened anew, it would swallow what is still to be heard.
    return this.#inTurn(async () => {
      if (!this.#isOpen) await this.#startInner();
    });
  }

  write(pcm: Int16Array): Promise<void> {
    this.#writtenAtMs = this.#clock.now();
    this.#mixInto(pcm);
    return this.#inner.write(pcm);
  }

  flush(): void {
    this.#inner.flush();
  }

  pendingMs(): number {
    return this.#inner.pendingMs();
  }

  stop(): Promise<void> {
    this.#wanted = false;
    this.#onError = () => {};
    if (this.#cue) return Promise.resolve();
    return this.#close();
  }

  playCue(pcm: Int16Array, sampleRateHz: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#clock.clearTimeout(this.#closeTimer);
    this.#cue?.done();
    return new Promise((resolve) => {
      const cue: Cue = { samples: new Int16Array(0), done: resolve };
      this.#cue = cue;
      void this.#open().then((open) => {
        if (this.#cue !== cue) return;
        if (!open) return this.#finish(cue);
        const resampler = createResampler(sampleRateHz, this.#inner.sampleRateHz);
        cue.samples = resampler.push(pcm).slice();
        void this.#pump();
      });
    });
  }

  async endCues(): Promise<void> {
    this.#ended = true;
    if (this.#cue) this.#finish(this.#cue);
    this.#clock.clearTimeout(this.#closeTimer);
    await this.#close();
  }

  /** Writes the cue where nobody else writes; else it is mixed into what they write. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let cue = this.#cue; cue && !this.#ended; cue = this.#cue) {
      if (cue.samples.length === 0) {
        this.#finish(cue);
      } else if (this.#clock.now() - this.#writtenAtMs < othersWriteMs) {
        await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, chunkMs));
      } else {
        const count = samplesPerFrame(this.#inner.sampleRateHz, chunkMs);
        const chunk = cue.samples.slice(0, count);
        cue.samples = cue.samples.subarray(count);
        await this.#inner.write(chunk);
      }
    }
    this.#pumping = false;
  }

  #mixInto(pcm: Int16Array): void {
    const cue = this.#cue;
    if (!cue) return;
    const count = Math.min(pcm.length, cue.samples.length);
    for (let at = 0; at < count; at++) {
      const sum = (pcm[at] as number) + (cue.samples[at] as number);
      pcm[at] = Math.max(-32_768, Math.min(32_767, sum));
    }
    cue.samples = cue.samples.subarray(count);
  }

  #finish(cue: Cue): void {
    if (this.#cue === cue) this.#cue = undefined;
    cue.done();
    if (this.#wanted || this.#ended) return;
    const closeAfterMs = this.#inner.pendingMs() + tailMs;
    this.#closeTimer = this.#clock.setTimeout(() => void this.#closeUnwanted(), closeAfterMs);
  }

  async #closeUnwanted(): Promise<void> {
    if (!this.#wanted && !this.#cue) await this.#close();
  }

  /** False when it cannot be opened; whoever speaks next tells why. */
  #open(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#isOpen) return true;
      try {
        await this.#startInner();
        return true;
      } catch {
        return false;
      }
    });
  }

  async #startInner(): Promise<void> {
    await this.#inner.start((error) => {
      this.#isOpen = false;
      this.#onError(error);
    });
    this.#isOpen = true;
  }

  #close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#wanted && !this.#ended) return;
      this.#isOpen = false;
      await this.#inner.stop();
    });
  }

  #inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#work.then(step);
    this.#work = result.then(
      () => {},
      () => {},
    );
    return result;
  }
}
