import { createJsonFileStorage } from '../adapters/storage/json-file.ts';
import { isPlainObject } from '../config/layers.ts';
import type { ControlledTool } from '../ports/control-api.ts';

/** What of the tools that are held back has been shown to somebody on this machine. */
export interface SeenTools {
  /** Nothing of their groups was shown before, or exactly this. */
  allows(held: readonly ControlledTool[]): boolean;
  /** These were shown; what was shown of their groups before counts no more. */
  remember(held: readonly ControlledTool[]): Promise<void>;
}

const recordName = 'shown-tools';

/** Kept in the state directory, because reading and approving are two commands. A record that is none counts as empty. */
export async function openSeenTools(directory: string): Promise<SeenTools> {
  const storage = createJsonFileStorage({ directory, onDamaged: () => {} });
  const stored = await storage.get(recordName);
  let seen: Readonly<Record<string, unknown>> = isPlainObject(stored) ? stored : {};
  return {
    allows: (held) =>
      held.every(({ name, group, fingerprint }) => {
        const shown = Object.hasOwn(seen, group) ? seen[group] : undefined;
        return !isPlainObject(shown) || (Object.hasOwn(shown, name) && shown[name] === fingerprint);
      }),
    async remember(held) {
      if (held.length === 0) return;
      const next: Record<string, Record<string, unknown>> = {};
      for (const { name, group, fingerprint } of held) next[group] = { ...next[group], [name]: fingerprint };
      seen = { ...seen, ...next };
      await storage.set(recordName, seen);
    },
  };
}
