import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';

/** One living process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  readonly group: number;
  readonly session: number;
  readonly marked: boolean;
}

/** Variable in the environment of every child; its value names the run. Descendants inherit it, wherever they hide. */
export const runMarkVariable = 'XIAOZHI_TOOL_RUN';

/** Unique among all runs of the machine; short, because the guard's shell reads it byte by byte. */
export const newRunMark = (): string => randomBytes(9).toString('base64url');

/**
 * All living processes that belong to the run of `leader`: its descendants, its process group and session, and whatever
 * carries the run's mark although it left all of these (double fork, `setsid`). Undefined where there is no /proc.
 */
export async function processesOfRun(
  leader: number,
  mark: string,
): Promise<readonly ProcessEntry[] | undefined> {
  const all = await listProcesses(mark);
  if (all === undefined) return undefined;
  const found = new Map<number, ProcessEntry>();
  const take = (entry: ProcessEntry) => {
    if (found.has(entry.pid)) return;
    found.set(entry.pid, entry);
    for (const child of all) if (child.parentPid === entry.pid) take(child);
  };
  for (const entry of all) {
    const ours = entry.pid === leader || entry.group === leader || entry.session === leader || entry.marked;
    if (ours) take(entry);
  }
  return [...found.values()];
}

/** Sends a signal; a process that is gone already is none to worry about. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: gone. EPERM: it changed its user and is out of our reach.
  }
}

async function listProcesses(mark: string): Promise<ProcessEntry[] | undefined> {
  let names: string[];
  try {
    names = await readdir('/proc');
  } catch {
    return undefined;
  }
  const entries: ProcessEntry[] = [];
  const pids = names.filter((name) => /^\d+$/.test(name));
  const batch = 32;
  for (let at = 0; at < pids.length; at += batch) {
    const read = await Promise.all(pids.slice(at, at + batch).map((pid) => readProcess(pid, mark)));
    for (const entry of read) if (entry) entries.push(entry);
  }
  return entries;
}

async function readProcess(pid: string, mark: string): Promise<ProcessEntry | undefined> {
  try {
    const [stat, environment] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'latin1'),
      readFile(`/proc/${pid}/environ`, 'latin1').catch(() => ''),
    ]);
    // The name of the program stands in parentheses and may hold anything, so the fields are counted from its end.
    const [state, parentPid, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    return {
      pid: Number(pid),
      parentPid: Number(parentPid),
      group: Number(group),
      session: Number(session),
      marked: environment.split('\0').includes(`${runMarkVariable}=${mark}`),
    };
  } catch {
    return undefined;
  }
}
