/** Why a caller does not wait any longer: it took the call back, or its channel is closed. */
export type CallerEnd = 'cancelled' | 'gone';

/**
 * Whoever waits for the answer of one call. A plain object where one would expect abort signals: a call would need two of
 * them, which cost more than all the rest of it.
 */
export class Caller {
  #ended: CallerEnd | undefined;
  /** Told once, at once; replaced by the next who waits. */
  onEnd: ((why: CallerEnd) => void) | undefined;

  get ended(): CallerEnd | undefined {
    return this.#ended;
  }

  /** Only the first end counts. */
  end(why: CallerEnd): void {
    if (this.#ended) return;
    this.#ended = why;
    this.onEnd?.(why);
  }
}
