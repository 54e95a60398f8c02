import { JitterEstimator } from './jitter-estimator.ts';
import { SenderLead } from './sender-lead.ts';

/** The loudspeaker is fed when it could go on for so long: timers of a busy machine are late. */
export const GUARD_MS = 20;
/** Whatever the network does, no answer is put off by more. */
const MAX_DELAY_MS = 500;
/** Playback must have been behind for so long before it should catch up. */
const PATIENCE_MS = 500;
/** What is not worth catching up. */
const TOLERANCE_MS = 5;
/** A network that delays by less is taken for perfect. */
const CALM_MS = 15;
const DEFAULT_FRAME_MS = 60;

/**
 * When the frames of an answer were sent, as far as their numbers and arrivals tell, and how far behind that they should be
 * heard. Media time is in ms from the first frame of the line; all other times are those of one monotonic clock.
 */
export class MediaTimeLine {
  readonly #estimator = new JitterEstimator();
  readonly #lead = new SenderLead();
  #firstSequence: number | undefined;
  #frameMs = DEFAULT_FRAME_MS;
  #behindSinceMs: number | undefined;
  /** The last packet came after a silence. */
  #wasSilent = false;

  /** Of one frame. */
  get frameMs(): number {
    return this.#frameMs;
  }

  /** Number of the frame with which the line begins; undefined before it has come. */
  get firstSequence(): number | undefined {
    return this.#firstSequence;
  }

  get isCalm(): boolean {
    return this.#estimator.delayMs <= CALM_MS;
  }

  /** It is not clear yet whether the last packets were late. */
  get isUnsettled(): boolean {
    return this.#estimator.isUnsettled;
  }

  /** How far playback should be behind the undisturbed arrival, in ms. */
  get wantedMs(): number {
    return Math.min(MAX_DELAY_MS, this.#estimator.delayMs + GUARD_MS);
  }

  /** The next packet begins a new line. What is known about the network stays. */
  restart(): void {
    this.#firstSequence = undefined;
    this.#behindSinceMs = undefined;
    this.#wasSilent = false;
    this.#lead.restart();
    this.#estimator.newTimeLine();
  }

  /** Takes a packet's arrival, and returns its media time. `durationMs`: of its sound; 0 when that cannot be told. */
  arrive(sequence: number, arrivedMs: number, durationMs: number): number {
    if (durationMs > 0 && durationMs !== this.#frameMs) {
      this.#frameMs = durationMs;
      this.restart();
    }
    this.#firstSequence ??= sequence;
    const mediaMs = this.#mediaMsOf(sequence);
    this.#observe(arrivedMs, mediaMs);
    return mediaMs;
  }

  /** The same for a packet that has come too late to be heard. */
  arriveLate(sequence: number, arrivedMs: number): void {
    if (this.#firstSequence !== undefined) this.#observe(arrivedMs, this.#mediaMsOf(sequence));
  }

  /** A packet comes after a silence: until it is clear whether the sender paused, the line begins with what comes. */
  endSilence(): void {
    this.#wasSilent = true;
  }

  /** How far behind its undisturbed arrival a frame would be heard that is given out now to play in `pendingMs`. */
  cushionMs(mediaMs: number, pendingMs: number, nowMs: number): number {
    return nowMs + pendingMs - mediaMs - this.#fastestMs;
  }

  /** For how much longer a frame may reasonably come. */
  hopeMs(sequence: number, nowMs: number): number {
    return this.#mediaMsOf(sequence) + this.#fastestMs + this.wantedMs - nowMs;
  }

  /** An answer begins to sound so far behind its undisturbed arrival. */
  acceptLead(cushionMs: number): void {
    this.#lead.accept(cushionMs);
  }

  /** Only a disturbed network needs a cushion. `toleranceMs`: what is not worth the trouble. */
  isShort(cushionMs: number, toleranceMs: number): boolean {
    return !this.isCalm && cushionMs + toleranceMs < this.wantedMs;
  }

  /** By how much playback has been further behind than it should be for some time. `leastMs`: what is kept in any case. */
  surplusMs(cushionMs: number, leastMs: number, nowMs: number): number {
    const neededMs = Math.max(leastMs, this.isCalm ? this.#estimator.delayMs + TOLERANCE_MS : this.wantedMs);
    const surplusMs = cushionMs - Math.max(neededMs, this.#lead.trustedMs);
    if (this.#estimator.isUnsettled || surplusMs < TOLERANCE_MS) {
      this.#behindSinceMs = undefined;
      return 0;
    }
    this.#behindSinceMs ??= nowMs;
    return nowMs - this.#behindSinceMs < PATIENCE_MS ? 0 : surplusMs;
  }

  get #fastestMs(): number {
    if (this.#wasSilent && this.#estimator.isUnsettled) return this.#estimator.unsettledFastestMs;
    return this.#estimator.fastestTransitMs ?? 0;
  }

  #mediaMsOf(sequence: number): number {
    return (sequence - (this.#firstSequence as number)) * this.#frameMs;
  }

  #observe(arrivedMs: number, mediaMs: number): void {
    const fastestMs = this.#estimator.fastestTransitMs;
    const step = this.#estimator.observe(arrivedMs, mediaMs);
    if (step) this.#lead.step(step, arrivedMs);
    else if (fastestMs !== undefined)
      this.#lead.arrive(arrivedMs, fastestMs - (this.#estimator.fastestTransitMs as number), this.#frameMs);
    if (!this.#estimator.isUnsettled) this.#wasSilent = false;
  }
}
