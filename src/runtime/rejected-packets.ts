import type { SessionTransport } from '../ports/session-transport.ts';

type Counts = Readonly<Record<string, number>>;

/** Audio packets that no channel has taken since the device was started, by reason. */
export class RejectedPackets {
  readonly #open = new Set<SessionTransport>();
  #closed: Counts = {};

  follow(transport: SessionTransport): void {
    this.#open.add(transport);
  }

  /** The channel ends: what it has counted is kept. */
  settle(transport: SessionTransport): void {
    if (this.#open.delete(transport)) this.#closed = sum(this.#closed, transport.rejected);
  }

  get counts(): Counts {
    return [...this.#open].reduce((counts, { rejected }) => sum(counts, rejected), this.#closed);
  }
}

function sum(counts: Counts, more: Counts = {}): Counts {
  const total: Record<string, number> = { ...counts };
  for (const [reason, count] of Object.entries(more)) total[reason] = (total[reason] ?? 0) + count;
  return total;
}
