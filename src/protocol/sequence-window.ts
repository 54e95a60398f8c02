/** How far behind the newest a packet may be and still count as late rather than as a replay. */
const windowPackets = 128;
/** A larger step forward is believed only when the next packet follows it (RFC 3550, A.1). */
const maxStep = 3_000;
const span = 2 ** 32;

export type SequenceVerdict =
  /** `extended` is the sequence number without the wrap-around: it only grows. */
  | { readonly accepted: true; readonly extended: number; readonly reordered: boolean }
  | { readonly accepted: false; readonly reason: 'duplicate' | 'replay' | 'jump' };

/**
 * Judges the 32-bit sequence numbers of one session, across the wrap-around. A packet that was overtaken is welcome once;
 * one that is older than the window can only be a replay. Starts anew with each hello (firmware D23).
 */
export class SequenceWindow {
  /** How many of the numbers so far have not been seen (yet): a late packet lowers it again. */
  lost = 0;
  #newest: number | undefined;
  /** Bit i of the window: `newest - i` has been seen. Four words of 32. */
  readonly #seen = new Uint32Array(windowPackets / 32);
  /** The number that would prove that a wild step was meant. */
  #proof: number | undefined;

  judge(sequence: number): SequenceVerdict {
    if (this.#newest === undefined) return this.#start(sequence >>> 0);
    const step = ((((sequence - this.#newest + span / 2) % span) + span) % span) - span / 2;
    if (step > maxStep || step < -maxStep) return this.#doubt(sequence);
    this.#proof = undefined;
    if (step > 0) return this.#advance(step);
    return this.#lookBack(-step);
  }

  reset(): void {
    this.#newest = undefined;
    this.#proof = undefined;
    this.#seen.fill(0);
    this.lost = 0;
  }

  #start(extended: number): SequenceVerdict {
    this.#newest = extended;
    this.#seen.fill(0);
    this.#seen[0] = 1;
    return { accepted: true, extended, reordered: false };
  }

  /** One forged number must not make everything after it look old; two in a row are a sender that started anew. */
  #doubt(sequence: number): SequenceVerdict {
    if (sequence === this.#proof) {
      this.#proof = undefined;
      const newest = this.#newest as number;
      // The extended number goes on growing whatever the sender does.
      const ahead = (((sequence - newest) % span) + span) % span;
      return this.#start(newest + (ahead === 0 ? span : ahead));
    }
    this.#proof = (sequence + 1) % span;
    return { accepted: false, reason: 'jump' };
  }

  #advance(step: number): SequenceVerdict {
    this.#newest = (this.#newest as number) + step;
    this.#shift(step);
    this.#seen[0] = (this.#seen[0] as number) | 1;
    this.lost += step - 1;
    return { accepted: true, extended: this.#newest, reordered: false };
  }

  #lookBack(age: number): SequenceVerdict {
    if (age >= windowPackets) return { accepted: false, reason: 'replay' };
    const word = age >>> 5;
    const bit = 1 << (age & 31);
    if (((this.#seen[word] as number) & bit) !== 0) return { accepted: false, reason: 'duplicate' };
    const extended = (this.#newest as number) - age;
    // Numbers before the first of the session were never counted as lost.
    if (this.lost > 0) this.lost -= 1;
    this.#seen[word] = (this.#seen[word] as number) | bit;
    return { accepted: true, extended, reordered: true };
  }

  #shift(step: number): void {
    const seen = this.#seen;
    const words = Math.min(seen.length, step >>> 5);
    const bits = step & 31;
    for (let i = seen.length - 1; i >= 0; i--) {
      const low = i - words >= 0 ? (seen[i - words] as number) : 0;
      const carry = i - words - 1 >= 0 ? (seen[i - words - 1] as number) : 0;
      seen[i] = bits === 0 ? low : (low << bits) | (carry >>> (32 - bits));
    }
  }
}
