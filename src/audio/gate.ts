import { BoundedQueue } from '../core/bounded-queue.ts';
import type { Clock } from '../core/clock.ts';

export interface GateOptions<T> {
  readonly clock: Clock;
  /** Items kept while holding; the oldest give way. */
  readonly capacity: number;
  /** Items held longer than this are forgotten, not passed. */
  readonly maxAgeMs: number;
  /** Makes an item outlive the call that brought it; only held items are copied. */
  readonly copy: (item: T) => T;
  readonly sink: (item: T) => void;
}

interface Held<T> {
  readonly item: T;
  readonly sinceMs: number;
}

export type GatePosition = 'closed' | 'remembering' | 'holding' | 'open';

/**
 * One audio path, opened and closed by the state of the machine. Closed: items are dropped. Holding: the newest are kept
 * for a moment that will come; opening passes them. Remembering: the newest are kept for a moment that may come, and only
 * `release` passes them. Open: items pass in the caller's own call.
 */
export class Gate<T> {
  passed = 0;
  /** Items that met a closed gate or had been held in vain. */
  dropped = 0;
  readonly #options: GateOptions<T>;
  readonly #held: BoundedQueue<Held<T>>;
  #position: GatePosition = 'closed';

  constructor(options: GateOptions<T>) {
    this.#options = options;
    this.#held = new BoundedQueue(options.capacity, 'drop-oldest');
  }

  get position(): GatePosition {
    return this.#position;
  }

  set(position: GatePosition): void {
    if (position === this.#position) return;
    if (this.#position === 'remembering') this.#held.clear();
    this.#position = position;
    if (position === 'open') this.release();
    if (position === 'closed') this.dropped += this.#held.clear();
  }

  /** Forgets what is held, wherever the gate stands. */
  clear(): void {
    this.dropped += this.#held.clear();
  }

  push(item: T): void {
    if (this.#position === 'open') {
      this.passed += 1;
      this.#options.sink(item);
    } else if (this.#position === 'closed') {
      this.dropped += 1;
    } else {
      const kept = this.#held.push({ item: this.#options.copy(item), sinceMs: this.#options.clock.now() });
      // What was only remembered was meant for nobody yet.
      if (!kept && this.#position === 'holding') this.dropped += 1;
    }
  }

  /** Passes what is held now, oldest first, wherever the gate stands. */
  release(): void {
    const oldestMs = this.#options.clock.now() - this.#options.maxAgeMs;
    for (let held = this.#held.shift(); held; held = this.#held.shift()) {
      if (held.sinceMs < oldestMs) {
        this.dropped += 1;
      } else {
        this.passed += 1;
        this.#options.sink(held.item);
      }
    }
  }
}
