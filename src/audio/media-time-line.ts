import { JitterEstimator } from './jitter-estimator.ts';

/** The loudspeaker is fed when it could go on for so long: timers of a busy machine are late. */
export const GUARD_MS = 20;
/** Whatever the network does, no answer is put off by more. */
const MAX_DELAY_MS = 500;
/** Silence beyond this was a pause of the sender, and says nothing about the network. */
const SENDER_PAUSE_MS = 200;
/** The undisturbed path does not become shorter by so much within one frame, unless the sender runs ahead. */
const SENDER_LEAD_MS = 5;
/** Playback must have been behind for so long before it should catch up. */
const PATIENCE_MS = 2_000;
/** A network that delays by less is taken for perfect. */
const CALM_MS = 15;
const DEFAULT_FRAME_MS = 60;

/**
 * When the frames of an answer were sent, as far as their numbers and arrivals tell, and how far behind that they should be
 * heard. Media time is in ms from the first frame of the line; all other times are those of one monotonic clock.
 */
export class MediaTimeLine {
  readonly #estimator = new JitterEstimator();
  #firstSequence: number | undefined;
  #frameMs = DEFAULT_FRAME_MS;
  /** Distance between the undisturbed arrival and being heard that the sender itself has given us. */
  #leadMs = 0;
  #behindSinceMs: number | undefined;
  #beforePause: { readonly fastestMs: number; readonly leadMs: number } | undefined;

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

  /** How far playback should be behind the undisturbed arrival, in ms. */
  get wantedMs(): number {
    return Math.min(MAX_DELAY_MS, this.#estimator.delayMs + GUARD_MS);
  }

  /** The last silence was a pause of the sender, as far as is known. */
  get hasPaused(): boolean {
    return this.#beforePause !== undefined;
  }

  /** The next packet begins a new line. What is known about the network stays. */
  restart(): void {
    this.#firstSequence = undefined;
    this.#beforePause = undefined;
    this.#behindSinceMs = undefined;
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
    const fastestMs = this.#estimator.fastestTransitMs;
    this.#estimator.observe(arrivedMs, mediaMs);
    const shortenedMs = (fastestMs ?? 0) - this.#fastestMs;
    if (fastestMs !== undefined && shortenedMs > SENDER_LEAD_MS) this.#leadMs += shortenedMs;
    this.#noticeStall();
    return mediaMs;
  }

  /** The same for a packet that has come too late to be heard. */
  arriveLate(sequence: number, arrivedMs: number): void {
    if (this.#firstSequence !== undefined) this.#estimator.observe(arrivedMs, this.#mediaMsOf(sequence));
  }

  /** A packet comes after a silence. Until packets prove that the old line still holds, a long one was the sender's. */
  endSilence(sinceMs: number, nowMs: number): void {
    const fastestMs = this.#estimator.fastestTransitMs;
    if (fastestMs === undefined || nowMs - sinceMs <= SENDER_PAUSE_MS + this.wantedMs) return;
    this.#beforePause = { fastestMs, leadMs: this.#leadMs };
    this.#estimator.newTimeLine();
  }

  /** How far behind its undisturbed arrival a frame would be heard that is given out now to play in `pendingMs`. */
  cushionMs(mediaMs: number, pendingMs: number, nowMs: number): number {
    return nowMs + pendingMs - mediaMs - this.#fastestMs;
  }

  /** For how much longer a frame may reasonably come. */
  hopeMs(sequence: number, nowMs: number): number {
    return this.#mediaMsOf(sequence) + this.#fastestMs + this.wantedMs - nowMs;
  }

  /** An answer begins to sound so far behind its undisturbed arrival, and the sender wants it so. */
  acceptLead(cushionMs: number): void {
    this.#leadMs = cushionMs;
  }

  /** Only a disturbed network needs a cushion. `toleranceMs`: what is not worth the trouble. */
  isShort(cushionMs: number, toleranceMs: number): boolean {
    return !this.isCalm && cushionMs + toleranceMs < this.wantedMs;
  }

  /** Whether playback has been further behind than it should be for some time. */
  isBehind(cushionMs: number, nowMs: number): boolean {
    if (cushionMs <= Math.max(this.#leadMs, this.wantedMs) + this.#frameMs) this.#behindSinceMs = undefined;
    else this.#behindSinceMs ??= nowMs;
    return this.#behindSinceMs !== undefined && nowMs - this.#behindSinceMs >= PATIENCE_MS;
  }

  /** Playback has caught up by a frame. */
  catchUp(): void {
    this.#behindSinceMs = undefined;
  }

  get #fastestMs(): number {
    return this.#estimator.fastestTransitMs ?? 0;
  }

  #mediaMsOf(sequence: number): number {
    return (sequence - (this.#firstSequence as number)) * this.#frameMs;
  }

  /** Packets are as early again as before the silence: it was the network that stood still, and nobody runs ahead. */
  #noticeStall(): void {
    const before = this.#beforePause;
    if (!before || this.#fastestMs > before.fastestMs + CALM_MS) return;
    this.#leadMs = before.leadMs;
    this.#beforePause = undefined;
  }
}
