/** Arrivals looked back at: 15 s of 60 ms frames. */
const memory = 256;
/** One in a hundred arrivals may be later than what is prepared for. */
const tolerated = 0.01;

/**
 * How much later than the fastest packets the others come. Frames of an answer have a place on its media time line; the
 * smallest distance between that and the arrivals is the undisturbed path. A sender that runs ahead only makes the
 * undisturbed path shorter, so a burst is no jitter.
 */
export class JitterEstimator {
  /** The last packets of this answer; transit is arrival minus media time. */
  readonly #arrivals: { readonly mediaMs: number; readonly transitMs: number }[] = [];
  /** What each of the last packets was late by, over several answers: the network is still the same. */
  readonly #delays: number[] = [];
  #sorted: number[] | undefined;
  #fastest: number | undefined;

  /** `mediaMs`: where the frame belongs on a time line of any origin. Returns by how much it came late. */
  observe(arrivalMs: number, mediaMs: number): number {
    const transitMs = arrivalMs - mediaMs;
    remember(this.#arrivals, { mediaMs, transitMs });
    this.#fastest = undefined;
    // Only frames before it tell how early it could have been: those behind it may have been sent ahead of time.
    const delayMs = transitMs - this.#fastestUpTo(mediaMs);
    remember(this.#delays, delayMs);
    this.#sorted = undefined;
    return delayMs;
  }

  /** The undisturbed path; undefined before the first packet of an answer. */
  get fastestTransitMs(): number | undefined {
    if (this.#arrivals.length === 0) return undefined;
    this.#fastest ??= this.#fastestUpTo(Number.POSITIVE_INFINITY);
    return this.#fastest;
  }

  /** Delay that all but the rarest packets stay below. */
  get delayMs(): number {
    if (this.#delays.length === 0) return 0;
    this.#sorted ??= this.#delays.toSorted((a, b) => b - a);
    return this.#sorted[Math.floor(this.#sorted.length * tolerated)] as number;
  }

  /** A new time line begins; what is known of the network stays. */
  newTimeLine(): void {
    this.#arrivals.length = 0;
    this.#fastest = undefined;
  }

  #fastestUpTo(lastMediaMs: number): number {
    let fastestMs = Number.POSITIVE_INFINITY;
    for (const { mediaMs, transitMs } of this.#arrivals)
      if (mediaMs <= lastMediaMs && transitMs < fastestMs) fastestMs = transitMs;
    return fastestMs;
  }
}

function remember<T>(values: T[], value: T): void {
  values.push(value);
  if (values.length > memory) values.shift();
}
