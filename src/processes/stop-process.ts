import { type Clock, wait } from '../core/clock.ts';
import { processesOfRun, signalProcess } from './process-tree.ts';

export interface StopOptions {
  readonly clock: Clock;
  /** How long the processes have for an orderly end. */
  readonly graceMs: number;
}

const pollMs = 25;
const maxKillRounds = 40;
const never = new AbortController().signal;

/**
 * Ends a run with everything it started: TERM, after the grace time KILL, until nothing of it is left. `leader` must be
 * the leader of its own process group. Where there is no /proc, only that group is ended.
 */
export async function stopRun(leader: number, mark: string, { clock, graceMs }: StopOptions): Promise<void> {
  await signalAll(leader, mark, 'SIGTERM');
  const endMs = clock.now() + graceMs;
  while (clock.now() < endMs) {
    if (!(await isAlive(leader, mark))) return;
    await wait(clock, pollMs, never);
  }
  // Several rounds: what forks faster than it is looked for is caught in the next one.
  for (let round = 0; round < maxKillRounds; round++) {
    await signalAll(leader, mark, 'SIGKILL');
    if (!(await isAlive(leader, mark))) return;
    await wait(clock, pollMs, never);
  }
}

async function signalAll(leader: number, mark: string, signal: NodeJS.Signals): Promise<void> {
  const members = (await processesOfRun(leader, mark)) ?? [];
  // The whole group at once, before its members can fork again; then those that left it.
  signalProcess(-leader, signal);
  for (const { pid, group } of members) if (group !== leader) signalProcess(pid, signal);
}

async function isAlive(leader: number, mark: string): Promise<boolean> {
  const members = await processesOfRun(leader, mark);
  if (members !== undefined) return members.length > 0;
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}
