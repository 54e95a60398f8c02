/**
 * Cuts PCM of any chunk size into frames of exactly `samplesPerFrame`. There is one buffer, made once: the frame given to
 * `onFrame` is only lent until it returns, and no push allocates.
 */
export class Framer {
  readonly #frame: Int16Array;
  readonly #onFrame: (frame: Int16Array) => void;
  #filled = 0;

  constructor(samplesPerFrame: number, onFrame: (frame: Int16Array) => void) {
    if (!Number.isInteger(samplesPerFrame) || samplesPerFrame < 1) {
      throw new RangeError(`A frame needs at least one sample, not ${samplesPerFrame}`);
    }
    this.#frame = new Int16Array(samplesPerFrame);
    this.#onFrame = onFrame;
  }

  push(pcm: Int16Array): void {
    let taken = 0;
    while (taken < pcm.length) {
      taken += this.#fill(pcm, taken);
      if (this.#filled === this.#frame.length) {
        this.#filled = 0;
        this.#onFrame(this.#frame);
      }
    }
  }

  /** Forgets a partial frame and tells how many samples it held (the firmware drops them too, F4). */
  reset(): number {
    const dropped = this.#filled;
    this.#filled = 0;
    return dropped;
  }

  #fill(pcm: Int16Array, from: number): number {
    const room = this.#frame.length - this.#filled;
    const count = Math.min(room, pcm.length - from);
    if (count === pcm.length) {
      this.#frame.set(pcm, this.#filled);
    } else {
      // A loop, because `subarray` would make an object for every push that does not end with a frame.
      for (let i = 0; i < count; i++) this.#frame[this.#filled + i] = pcm[from + i] ?? 0;
    }
    this.#filled += count;
    return count;
  }
}
