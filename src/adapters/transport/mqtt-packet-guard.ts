/** Type of a packet (MQTT 3.1.1, section 2.2.1). */
const publish = 3;

/**
 * Follows the lengths of the MQTT packets in a byte stream (MQTT 3.1.1, section 2.2.3) without keeping a byte, so that
 * one that is too long is noticed when it begins and not when it has filled the memory.
 */
export class MqttPacketGuard {
  /** Packets so far that are no message, such as answers to pings. */
  wordless = 0;
  readonly #maxBytes: number;
  /** Bytes of the current packet that are still to come. */
  #rest = 0;
  /** Inside the length field: its value so far and the weight of the next digit; 0 outside. */
  #length = 0;
  #weight = 0;

  /** `maxBytes`: of what follows the fixed header. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** False when a packet is too long or its length is malformed. */
  take(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#rest > 0) {
        const skipped = Math.min(this.#rest, bytes.length - at);
        this.#rest -= skipped;
        at += skipped;
      } else if (this.#weight === 0) {
        if ((bytes[at] as number) >> 4 !== publish) this.wordless += 1;
        this.#weight = 1;
        this.#length = 0;
        at += 1;
      } else {
        if (!this.#takeLengthDigit(bytes[at] as number)) return false;
        at += 1;
      }
    }
    return true;
  }

  #takeLengthDigit(digit: number): boolean {
    this.#length += (digit & 0x7f) * this.#weight;
    this.#weight *= 128;
    if (this.#length > this.#maxBytes || this.#weight > 128 ** 4) return false;
    if (digit < 0x80) {
      this.#rest = this.#length;
      this.#weight = 0;
    }
    return true;
  }
}
