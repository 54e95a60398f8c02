/** Arrivals looked back at: 15 s of 60 ms frames. */
const memory = 256;
/** One in a hundred arrivals may be later than what is prepared for. */
const tolerated = 0.01;
const mostTolerated = Math.floor(memory * tolerated);

/**
 * How much later than the fastest packets the others come. Frames of an answer have a place on its media time line; the
 * smallest distance between that and the arrivals is the undisturbed path. A sender that runs ahead only makes the
 * undisturbed path shorter, so a burst is no jitter.
 */
export class JitterEstimator {
  /** The last packets of this answer: place on the media time line, and arrival minus that. */
  readonly #mediaMs = new Float64Array(memory);
  readonly #transitMs = new Float64Array(memory);
  #arrivals = 0;
  /** What each of the last packets was late by, over several answers: the network is still the same. */
  readonly #delaysMs = new Float64Array(memory);
  #delays = 0;
  #fastestMs: number | undefined;
  #delayMs: number | undefined;

  /** `mediaMs`: where the frame belongs on a time line of any origin. Returns by how much it came late. */
  observe(arrivalMs: number, mediaMs: number): number {
    const transitMs = arrivalMs - mediaMs;
    const at = this.#arrivals % memory;
    this.#mediaMs[at] = mediaMs;
    this.#transitMs[at] = transitMs;
    this.#arrivals += 1;
    this.#fastestMs = undefined;
    // Only frames before it tell how early it could have been: those behind it may have been sent ahead of time.
    const delayMs = transitMs - this.#fastestUpTo(mediaMs);
    this.#delaysMs[this.#delays % memory] = delayMs;
    this.#delays += 1;
    this.#delayMs = undefined;
    return delayMs;
  }

  /** The undisturbed path; undefined before the first packet of an answer. */
  get fastestTransitMs(): number | undefined {
    if (this.#arrivals === 0) return undefined;
    this.#fastestMs ??= this.#fastestUpTo(Number.POSITIVE_INFINITY);
    return this.#fastestMs;
  }

  /** Delay that all but the rarest packets stay below. */
  get delayMs(): number {
    if (this.#delays === 0) return 0;
    this.#delayMs ??= this.#largestDelay(Math.floor(Math.min(this.#delays, memory) * tolerated));
    return this.#delayMs;
  }

  /** A new time line begins; what is known of the network stays. */
  newTimeLine(): void {
    this.#arrivals = 0;
    this.#fastestMs = undefined;
  }

  #fastestUpTo(lastMediaMs: number): number {
    const count = Math.min(this.#arrivals, memory);
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const transitMs = this.#transitMs[i] as number;
      if (transitMs < fastestMs && (this.#mediaMs[i] as number) <= lastMediaMs) fastestMs = transitMs;
    }
    return fastestMs;
  }

  /** The delay that `rank` others exceed. A pass that keeps the few largest: a sort per packet would cost as much as decoding. */
  #largestDelay(rank: number): number {
    const count = Math.min(this.#delays, memory);
    const largest: number[] = new Array(mostTolerated + 1).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < count; i++) {
      const delayMs = this.#delaysMs[i] as number;
      if (delayMs <= (largest[mostTolerated] as number)) continue;
      let place = mostTolerated;
      while (place > 0 && (largest[place - 1] as number) < delayMs) {
        largest[place] = largest[place - 1] as number;
        place -= 1;
      }
      largest[place] = delayMs;
    }
    return largest[rank] as number;
  }
}
