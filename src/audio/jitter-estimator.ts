/** Arrivals looked back at: 15 s of 60 ms frames. */
const memory = 256;
/** One in a hundred arrivals may be later than what is prepared for. */
const tolerated = 0.01;
const mostTolerated = Math.floor(memory * tolerated);
/** Packets this close behind a late one were stuck with it. */
const togetherMs = 10;
/** A path that is longer by less is jitter like any other. */
const stepMs = 40;
/** All packets of so long must have been late for it to be the path, or the sender, that is late … */
const proofMs = 400;
/** … and so many of them. */
const proofPackets = 4;

/** All packets come later than before, and equally late. */
export interface Step {
  /** By so much the undisturbed path became longer. */
  readonly byMs: number;
  /** So much ahead of time the sender has run since then. */
  readonly aheadMs: number;
}

interface Arrival {
  readonly arrivalMs: number;
  readonly mediaMs: number;
}

/**
 * How much later than the fastest packets the others come. Frames of an answer have a place on its media time line; the
 * smallest distance between that and the arrivals is the undisturbed path. A sender that runs ahead only makes the
 * undisturbed path shorter, so a burst is no jitter. Nor is a pause of the sender: behind it the path is longer for all. Which
 * of the two a late packet belongs to, only those behind it tell: until then its delay counts for nothing.
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
  /** Number of the delay with which several packets were stuck the last time. */
  #stalledAt = Number.NEGATIVE_INFINITY;
  /** The first that was unusually late, and all since then; at most as many as are remembered. */
  #unsettled: Arrival[] = [];
  #unsettledFastestMs = Number.POSITIVE_INFINITY;

  /** `mediaMs`: where the frame belongs on a time line of any origin. Tells when it proves a step. */
  observe(arrivalMs: number, mediaMs: number): Step | undefined {
    if (this.#unsettled.length === 0) {
      this.#admit({ arrivalMs, mediaMs });
      return undefined;
    }
    this.#unsettled.push({ arrivalMs, mediaMs });
    this.#unsettledFastestMs = Math.min(this.#unsettledFastestMs, arrivalMs - mediaMs);
    if (this.#unsettledFastestMs - this.#fastestMs <= this.#unusualMs) {
      this.#endStall();
      return undefined;
    }
    return this.#isProven(arrivalMs) ? this.#step() : undefined;
  }

  /** The undisturbed path; undefined before the first packet of an answer. */
  get fastestTransitMs(): number | undefined {
    return this.#arrivals === 0 ? undefined : this.#fastestMs;
  }

  /** The last packets were all unusually late, and it is not clear yet why. */
  get isUnsettled(): boolean {
    return this.#unsettled.length > 0;
  }

  /** The fastest of those. */
  get unsettledFastestMs(): number {
    return this.#unsettledFastestMs;
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
    this.#unsettled = [];
    this.#unsettledFastestMs = Number.POSITIVE_INFINITY;
  }

  get #unusualMs(): number {
    return Math.max(stepMs, this.delayMs);
  }

  #admit(arrival: Arrival): void {
    const transitMs = arrival.arrivalMs - arrival.mediaMs;
    // A packet that was overtaken has others to prove that it is late.
    const isInOrder = arrival.mediaMs >= this.#latestMediaMs;
    if (this.#arrivals === 0 || !isInOrder || transitMs - this.#fastestMs <= this.#unusualMs) {
      this.#remember(arrival);
      return;
    }
    this.#unsettled = [arrival];
    this.#unsettledFastestMs = transitMs;
  }

  #isProven(arrivalMs: number): boolean {
    const { length } = this.#unsettled;
    const lastedMs = arrivalMs - (this.#unsettled[0] as Arrival).arrivalMs;
    return length >= memory || (length >= proofPackets && lastedMs >= proofMs);
  }

  #step(): Step {
    const first = this.#unsettled[0] as Arrival;
    const fastestMs = this.#unsettledFastestMs;
    const step = {
      byMs: fastestMs - this.#fastestMs,
      aheadMs: first.arrivalMs - first.mediaMs - fastestMs,
    };
    this.#arrivals = 0;
    this.#latestMediaMs = Number.NEGATIVE_INFINITY;
    this.#fastestMs = Number.POSITIVE_INFINITY;
    this.#settle((arrival) => {
      if (this.#unsettled.length === 0) this.#admit(arrival);
      else this.observe(arrival.arrivalMs, arrival.mediaMs);
    });
    return step;
  }

  /** Packets are as early again as before. Several that were stuck are an accident when it has not happened lately. */
  #endStall(): void {
    const [first, second] = this.#unsettled as [Arrival, Arrival];
    const isStall = second.arrivalMs - first.arrivalMs <= togetherMs;
    const isAccident = isStall && this.#delays - this.#stalledAt > memory;
    if (isStall) this.#stalledAt = this.#delays;
    this.#settle((arrival) => this.#remember(arrival, isAccident));
  }

  #settle(take: (arrival: Arrival) => void): void {
    const arrivals = this.#unsettled;
    this.#unsettled = [];
    this.#unsettledFastestMs = Number.POSITIVE_INFINITY;
    for (const arrival of arrivals) take(arrival);
  }

  #remember({ arrivalMs, mediaMs }: Arrival, isAccident = false): void {
    const transitMs = arrivalMs - mediaMs;
    const isInOrder = mediaMs >= this.#latestMediaMs;
    this.#rememberArrival(transitMs, mediaMs);
    // Only frames before it tell how early it could have been: those behind it may have been sent ahead of time.
    const delayMs = transitMs - (isInOrder ? this.#fastestMs : this.#fastestUpTo(mediaMs));
    this.#rememberDelay(isAccident ? 0 : delayMs);
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
