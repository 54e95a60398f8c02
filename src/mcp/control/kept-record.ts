import type { Storage } from '../../ports/storage.ts';

/** A record in memory that is changed only when the change is on disk; one change after the other, so that none is lost. */
export interface KeptRecord<Record> {
  readonly current: Record;
  /** @throws ClientError STATE_UNWRITABLE; then nothing has changed */
  change(edit: (current: Record) => Record): Promise<void>;
}

export function createKeptRecord<Record>(
  storage: Storage,
  name: string,
  initial: Record,
): KeptRecord<Record> {
  let current = initial;
  let last: Promise<unknown> = Promise.resolve();
  const write = async (edit: (current: Record) => Record): Promise<void> => {
    const next = edit(current);
    await storage.set(name, next);
    current = next;
  };
  return {
    get current() {
      return current;
    },
    change(edit) {
      const written = last.then(() => write(edit));
      last = written.catch(() => {});
      return written;
    },
  };
}
