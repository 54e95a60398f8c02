import { BoundedQueue } from '../core/bounded-queue.ts';

/** With more waiting than this, the oldest belongs to sound that is no longer in the room. */
const maxFresh = 3;
/** Fifteen seconds of answer that nobody speaks into; oldest dropped, they would be discarded anyway. */
const maxWaiting = 256;

/**
 * The server's timestamps of what the loudspeaker has played, for a server that cancels echo: each frame that is sent
 * carries the one of the sound that was in the room meanwhile (firmware F60).
 */
export class PlaybackTimestamps {
  readonly #waiting = new BoundedQueue<number>(maxWaiting, 'drop-oldest');

  /** A frame of the server has been played. 0: it had no timestamp. */
  played(timestampMs: number): void {
    if (timestampMs > 0) this.#waiting.push(timestampMs);
  }

  /** For the next frame that is sent, in ms; 0 when there is none, or too many wait. */
  next(): number {
    const fresh = this.#waiting.length <= maxFresh;
    const timestampMs = this.#waiting.shift() ?? 0;
    return fresh ? timestampMs : 0;
  }

  /** What has been played has nothing to do with what comes (F40). */
  clear(): void {
    this.#waiting.clear();
  }

  /** Timestamps that did not fit. */
  get dropped(): number {
    return this.#waiting.dropped;
  }
}
