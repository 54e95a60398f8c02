import { readdirSync, readlinkSync } from 'node:fs';

/** How many open descriptors of each kind a process has: `socket`, `pipe`, `anon_inode:[eventpoll]`, paths of files. */
export function descriptorsOf(pid: number | 'self'): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${descriptor}`);
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** `socket 3 → 5` for every kind of which there are more than before. */
export function grown(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...now].flatMap(([kind, count]) => {
    const had = before.get(kind) ?? 0;
    return count > had ? [`${kind} ${had} → ${count}`] : [];
  });
}

/** Undefined for one that has been closed meanwhile, such as that of the directory itself. */
function kindOf(link: string): string | undefined {
  try {
    return readlinkSync(link).replace(/^(socket|pipe):\[\d+\]$/, '$1');
  } catch {
    return undefined;
  }
}
