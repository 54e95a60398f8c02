import type { Clock } from '../../core/clock.ts';
import type { OutboundLinkStatus } from '../../ports/outbound-link.ts';

/** Latest calls that are remembered, and most that wait for their answer at once. */
const maxCalls = 256;

/** Measures calls from the outside: by the id of a request and of its answer. */
export class CallTimes {
  readonly #clock: Clock;
  /** Start by id, oldest first; calls that are never answered are pushed out. */
  readonly #open = new Map<unknown, number>();
  readonly #tookMs: number[] = [];
  #calls = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  began(id: unknown): void {
    this.#calls += 1;
    this.#open.delete(id);
    this.#open.set(id, this.#clock.now());
    if (this.#open.size > maxCalls) this.#open.delete(this.#open.keys().next().value);
  }

  answered(id: unknown): void {
    const startedMs = this.#open.get(id);
    if (startedMs === undefined) return;
    this.#open.delete(id);
    this.#tookMs.push(this.#clock.now() - startedMs);
    if (this.#tookMs.length > maxCalls) this.#tookMs.shift();
  }

  /** The connection is gone: what waits gets no answer. */
  forget(): void {
    this.#open.clear();
  }

  get summary(): Pick<OutboundLinkStatus, 'calls' | 'callMs'> {
    const sorted = [...this.#tookMs].sort((a, b) => a - b);
    const share = (part: number) => Math.round(sorted[Math.ceil(sorted.length * part) - 1] ?? 0);
    return {
      calls: this.#calls,
      ...(sorted.length > 0 && { callMs: { p50: share(0.5), p95: share(0.95) } }),
    };
  }
}
