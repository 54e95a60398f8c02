import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { SystemTime } from '../../core/system-time.ts';

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/**
 * Time as the kernel tells it. Where it has no name for its boot (other systems than Linux), each process counts as a boot
 * of its own: after a restart, dates are believed as they are.
 */
export function createSystemTime(): SystemTime {
  const boot = readBootId();
  if (boot === undefined)
    return { boot: randomUUID(), bootMs: () => performance.now(), wallMs: () => Date.now() };
  return { boot, bootMs: () => uptime() * 1000, wallMs: () => Date.now() };
}

function readBootId(): string | undefined {
  try {
    return readFileSync(bootIdFile, 'latin1').trim().slice(0, 36) || undefined;
  } catch {
    return undefined;
  }
}
