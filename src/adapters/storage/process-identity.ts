import { readFile } from 'node:fs/promises';

/**
 * Names one run of one process: a process id comes back after a while, together with its start time and the boot it
 * belongs to it does not. Where /proc is missing the other two are `-`.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat, in clock ticks since boot. */
  readonly startTicks: string;
  readonly boot: string;
}

export async function identifyThisProcess(): Promise<ProcessIdentity> {
  const boot = await readText('/proc/sys/kernel/random/boot_id');
  return {
    pid: process.pid,
    startTicks: (await startTicksOf(process.pid)) ?? '-',
    boot: boot?.trim().slice(0, 8) ?? '-',
  };
}

/** Whether that very process runs still. `here` tells the present boot. */
export async function isAlive(
  { pid, startTicks, boot }: ProcessIdentity,
  here: ProcessIdentity,
): Promise<boolean> {
  if (boot !== here.boot || !exists(pid)) return false;
  return startTicks === '-' || startTicks === (await startTicksOf(pid));
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, but as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function startTicksOf(pid: number): Promise<string | undefined> {
  const stat = await readText(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may hold anything, parentheses and spaces too.
  const afterName = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  return afterName?.[0] === 'Z' ? undefined : afterName?.[19];
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}
