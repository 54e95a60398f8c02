import * as z from 'zod';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Storage } from '../../ports/storage.ts';
import { createKeptRecord } from '../control/kept-record.ts';

/** Two servers may have one name at different times: one of the configuration file, one that was added at run time. */
export type MountOrigin = 'configured' | 'added';

/** Servers that somebody has switched on or off while the device ran. Kept in the state directory; the configuration file is the user's. */
export interface MountSwitches {
  /** Undefined: as its definition says. */
  chosen(origin: MountOrigin, name: string): boolean | undefined;
  /** Undefined takes the choice back. @throws ClientError STATE_UNWRITABLE; then the choice is as before */
  choose(origin: MountOrigin, name: string, enabled: boolean | undefined): Promise<void>;
  /** Forgets the choices for all other servers of the configuration file. @throws ClientError STATE_UNWRITABLE */
  retain(configuredNames: readonly string[]): Promise<void>;
}

const recordName = 'mount-switches';

const Switch = z.object({
  origin: z.enum(['configured', 'added']),
  name: z.string(),
  enabled: z.boolean(),
});
const Record = z.object({ switches: z.array(Switch) });

/** Never rejects because of the record: one of an unknown shape is reported and counts as none. */
export async function openMountSwitches(
  storage: Storage,
  onProblem: (error: ClientError) => void,
): Promise<MountSwitches> {
  const stored = Record.safeParse((await storage.get(recordName)) ?? { switches: [] });
  if (!stored.success) onProblem(damaged());
  const record = createKeptRecord(storage, recordName, stored.success ? stored.data : { switches: [] });

  const chosen = (origin: MountOrigin, name: string): boolean | undefined =>
    record.current.switches.find((one) => one.origin === origin && one.name === name)?.enabled;

  return {
    chosen,
    async choose(origin, name, enabled) {
      if (chosen(origin, name) === enabled) return;
      await record.change(({ switches }) => ({
        switches: [
          ...switches.filter((one) => one.origin !== origin || one.name !== name),
          ...(enabled === undefined ? [] : [{ origin, name, enabled }]),
        ],
      }));
    },
    async retain(configuredNames) {
      const isKept = ({ origin, name }: z.output<typeof Switch>) =>
        origin === 'added' || configuredNames.includes(name);
      if (record.current.switches.every(isKept)) return;
      await record.change(({ switches }) => ({ switches: switches.filter(isKept) }));
    },
  };
}

const damaged = (): ClientError =>
  new ClientError(
    ErrorCode.stateDamaged,
    'The record of MCP servers that were switched on and off (mount-switches.json in the state directory) is not what this version writes; they are as the configuration says. Switch them again with mcp enable and mcp disable.',
  );
