/** More than this between two pieces is no drift: something was lost, or the loudspeaker had nothing to play. */
const DRIFT_STEP_MS = 2;
/** Corrected as seldom as the microphone's clock (`CaptureClock`). */
const TOLERANCE_MS = 10;

/** A loudspeaker plays without a gap, and yet its card is a little faster or slower than the clock: tells by how much it is off. */
export class PlaybackDrift {
  #promisedEndMs: number | undefined;
  #driftMs = 0;

  /**
   * A piece of this length is promised to be heard from `startMs` on. Returns the whole ms by which all that joins it must be
   * moved on the time line; 0 nearly always.
   */
  push(startMs: number, durationMs: number): number {
    const stepMs = startMs - (this.#promisedEndMs ?? startMs);
    this.#promisedEndMs = startMs + durationMs;
    if (Math.abs(stepMs) < DRIFT_STEP_MS) this.#driftMs += stepMs;
    if (Math.abs(this.#driftMs) < TOLERANCE_MS) return 0;
    const wholeMs = Math.trunc(this.#driftMs);
    this.#driftMs -= wholeMs;
    return wholeMs;
  }
}
