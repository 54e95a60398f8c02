import * as z from 'zod';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Storage } from '../../ports/storage.ts';
import { createKeptRecord } from './kept-record.ts';

/** What was added while the device ran, by name, as it was given; unchecked. May hold secrets. */
export type InstalledEntries = Readonly<Record<string, unknown>>;

/** Tools and mounts that were added at run time. They are kept in the state directory; the configuration file is the user's. */
export interface Installed {
  entries(kind: InstalledKind): InstalledEntries;
  /** Adds, or replaces what has this name. @throws ClientError TOOL_BUSY at the limit, STATE_UNWRITABLE */
  put(kind: InstalledKind, name: string, definition: unknown): Promise<void>;
  /** False when there is none of this name. @throws ClientError STATE_UNWRITABLE */
  remove(kind: InstalledKind, name: string): Promise<boolean>;
}

export type InstalledKind = 'tools' | 'mounts';

const recordName = 'installed';
const maxEntries = { tools: 200, mounts: 50 } as const;

const Record = z.object({
  tools: z.record(z.string(), z.unknown()).default({}),
  mounts: z.record(z.string(), z.unknown()).default({}),
});

/** Never rejects because of the record: one of an unknown shape is reported and counts as none. */
export async function openInstalled(
  storage: Storage,
  onProblem: (error: ClientError) => void,
): Promise<Installed> {
  const stored = Record.safeParse((await storage.get(recordName)) ?? {});
  if (!stored.success) onProblem(damaged());
  const record = createKeptRecord(
    storage,
    recordName,
    stored.success ? stored.data : { tools: {}, mounts: {} },
  );
  return {
    entries: (kind) => record.current[kind],
    put: (kind, name, definition) =>
      record.change((current) => {
        const { [name]: _, ...others } = current[kind];
        if (Object.keys(others).length >= maxEntries[kind]) throw tooMany(kind);
        return { ...current, [kind]: { ...others, [name]: definition } };
      }),
    async remove(kind, name) {
      let found = false;
      await record.change((current) => {
        const { [name]: gone, ...others } = current[kind];
        found = gone !== undefined;
        return { ...current, [kind]: others };
      });
      return found;
    },
  };
}

const damaged = (): ClientError =>
  new ClientError(
    ErrorCode.stateDamaged,
    'The record of installed tools and mounts (installed.json in the state directory) is not what this version writes; they are not there. Repair the file and start again, or install them anew.',
  );

const tooMany = (kind: InstalledKind): ClientError =>
  new ClientError(
    ErrorCode.toolBusy,
    `${maxEntries[kind]} ${kind} are installed already. Remove one first, or put it into the configuration file.`,
  );
