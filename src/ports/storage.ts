/** Small JSON records that survive a restart. Written whole and atomically; the last write wins. */
export interface Storage {
  /** The record, or undefined when there is none. A damaged record is set aside, reported by the adapter, and undefined. */
  get(name: string): Promise<unknown>;
  /** @throws ClientError STATE_UNWRITABLE */
  set(name: string, record: unknown): Promise<void>;
}
