/** Arrivals looked back at: 15 s of 60 ms frames. */
const memory = 256;
/** One in a hundred arrivals may be later than what is prepared for. */
const tolerated = 0.01;
const mostTolerated = Math.floor(memory * tolerated);

/**
 * How much later than the fastest packets the others come. Frames of an answer have a place on its media time line; the
 * smallest distance between that and the arrivals is the undisturbed path. A sender that runs ahead only makes the
 * undisturbed path shorter, so a burst is no jitter.
 *
 * What is asked for with every packet is kept up to date instead of searched for: the searches touch all that is
 * remembered, which after 60 ms of other work has to come from main memory again.
 */
export class JitterEstimator {
  /** The last packets of this answer: place on the media time line, and arrival minus that. */
  readonly #mediaMs = new Float64Array(memory);
  readonly #transitMs = new Float64Array(memory);
  #arrivals = 0;
  /** The last place on the media time line; a packet beyond it has all others before it. */
  #latestMediaMs = Number.NEGATIVE_INFINITY;
  #fastestMs = Number.POSITIVE_INFINITY;
  /** What each of the last packets was late by, over several answers: the network is still the same. */
  readonly #delaysMs = new Float64Array(memory);
  #delays = 0;
  /** The largest of them, in descending order. */
  readonly #largestMs: number[] = new Array(mostTolerated + 1).fill(Number.NEGATIVE_INFINITY);

  /** `mediaMs`: where the frame belongs on a time line of any origin. Returns by how much it came late. */
  observe(arrivalMs: number, mediaMs: number): number {
    const transitMs = arrivalMs - mediaMs;
    const inOrder = mediaMs >= this.#latestMediaMs;
    this.#rememberArrival(transitMs, mediaMs);
    // Only frames before it tell how early it could have been: those behind it may have been sent ahead of time.
    const delayMs = transitMs - (inOrder ? this.#fastestMs : this.#fastestUpTo(mediaMs));
    this.#rememberDelay(delayMs);
    return delayMs;
  }

  /** The undisturbed path; undefined before the first packet of an answer. */
  get fastestTransitMs(): number | undefined {
    return this.#arrivals === 0 ? undefined : this.#fastestMs;
  }

  /** Delay that all but the rarest packets stay below. */
  get delayMs(): number {
    if (this.#delays === 0) return 0;
    return this.#largestMs[Math.floor(Math.min(this.#delays, memory) * tolerated)] as number;
  }

  /** A new time line begins; what is known of the network stays. */
  newTimeLine(): void {
    this.#arrivals = 0;
    this.#latestMediaMs = Number.NEGATIVE_INFINITY;
    this.#fastestMs = Number.POSITIVE_INFINITY;
  }

  #rememberArrival(transitMs: number, mediaMs: number): void {
    const at = this.#arrivals % memory;
    const forgotten = this.#arrivals >= memory ? this.#transitMs[at] : undefined;
    this.#mediaMs[at] = mediaMs;
    this.#transitMs[at] = transitMs;
    this.#arrivals += 1;
    this.#latestMediaMs = Math.max(this.#latestMediaMs, mediaMs);
    if (transitMs <= this.#fastestMs) this.#fastestMs = transitMs;
    else if (forgotten === this.#fastestMs) this.#fastestMs = this.#fastestUpTo(Number.POSITIVE_INFINITY);
  }

  #rememberDelay(delayMs: number): void {
    const at = this.#delays % memory;
    const forgotten = this.#delays >= memory ? (this.#delaysMs[at] as number) : Number.NEGATIVE_INFINITY;
    this.#delaysMs[at] = delayMs;
    this.#delays += 1;
    const wasLarge = this.#delays > memory && forgotten >= (this.#largestMs[mostTolerated] as number);
    if (wasLarge) this.#findLargest();
    else this.#keepIfLarge(delayMs);
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

  #findLargest(): void {
    this.#largestMs.fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < Math.min(this.#delays, memory); i++) this.#keepIfLarge(this.#delaysMs[i] as number);
  }

  #keepIfLarge(delayMs: number): void {
    const largest = this.#largestMs;
    if (delayMs <= (largest[mostTolerated] as number)) return;
    let place = mostTolerated;
    while (place > 0 && (largest[place - 1] as number) < delayMs) {
      largest[place] = largest[place - 1] as number;
      place -= 1;
    }
    largest[place] = delayMs;
  }
}
