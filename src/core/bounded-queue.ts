/** What happens to an item that finds the queue full. */
export type OverflowPolicy = 'drop-oldest' | 'drop-newest';

/** FIFO ring of fixed capacity. It never grows; what does not fit is dropped by `policy` and counted. */
export class BoundedQueue<T> {
  readonly capacity: number;
  readonly policy: OverflowPolicy;
  /** Items lost to overflow since construction. Cleared items are not overflow and are not counted here. */
  dropped = 0;
  readonly #ring: (T | undefined)[];
  #head = 0;
  #length = 0;

  constructor(capacity: number, policy: OverflowPolicy) {
    this.capacity = capacity;
    this.policy = policy;
    this.#ring = new Array<T | undefined>(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** False when an item was dropped: this one (`drop-newest`) or the oldest. */
  push(item: T): boolean {
    const full = this.#length === this.capacity;
    if (full) {
      this.dropped += 1;
      if (this.policy === 'drop-newest') return false;
      this.shift();
    }
    this.#ring[(this.#head + this.#length) % this.capacity] = item;
    this.#length += 1;
    return !full;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.capacity;
    this.#length -= 1;
    return item;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  /** Empties the queue and tells how many items it held. */
  clear(): number {
    const held = this.#length;
    this.#ring.fill(undefined);
    this.#head = 0;
    this.#length = 0;
    return held;
  }
}
