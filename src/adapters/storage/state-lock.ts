import { readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { claimPrivateDirectory, type DirectoryDoubt } from './private-directory.ts';
import { identifyThisProcess, isAlive, type ProcessIdentity } from './process-identity.ts';

export interface StateLock {
  /** STATE_NOT_PRIVATE: the directory is used, and others could or can change what is in it. */
  readonly doubt?: ClientError;
  /** Idempotent. */
  release(): Promise<void>;
}

const ATTEMPTS = 4;

/** Locks held by this process, by file: tells our own from one left by a predecessor with the same process id. */
const heldHere = new Set<string>();

/**
 * Claims a state directory for one device. A holder that was killed is noticed at once, without a waiting time and even
 * when its process id has been given away again; lock packages that refresh a file's date (proper-lockfile) wait for
 * seconds there, and Node has no flock.
 *
 * Every process writes a file of its own, named after the process, and then looks for others: of two that start together
 * at least one sees the other. A file is only ever removed by its owner or when its owner is dead, and since its name
 * never comes back, nobody can remove a successor's by mistake. It does not see across process id namespaces: two
 * containers that share a directory must not share it for two devices.
 *
 * @throws ClientError STATE_LOCKED naming the holder, or STATE_UNWRITABLE.
 */
export async function acquireStateLock(directory: string): Promise<StateLock> {
  const here = await identifyThisProcess();
  const { real, doubt } = await realDirectory(directory);
  for (let attempt = 1; ; attempt++) {
    const holder = await claim(real, here);
    if (holder === undefined) break;
    // Two that started together may both have stepped back; a random pause lets one of them win.
    if (attempt === ATTEMPTS || holder === here.pid) throw locked(directory, holder, here.pid);
    await sleep(10 + 40 * Math.random());
  }
  const file = join(real, nameOf(here));
  return {
    ...(doubt && { doubt: notPrivate(directory, doubt) }),
    release: async () => {
      if (heldHere.delete(file)) await rm(file, { force: true });
    },
  };
}

/** Process id of the device that holds the directory; undefined when none does. Changes nothing. */
export async function stateLockHolder(directory: string): Promise<number | undefined> {
  const here = await identifyThisProcess();
  const others = await othersIn(directory, here).catch(() => []);
  for (const other of others) if (await isAlive(other, here)) return other.pid;
  return undefined;
}

/** The same directory under another name is the same directory. */
async function realDirectory(
  directory: string,
): Promise<{ readonly real: string; readonly doubt: DirectoryDoubt | undefined }> {
  try {
    const doubt = await claimPrivateDirectory(directory);
    return { real: await realpath(directory), doubt };
  } catch (cause) {
    throw unusable(directory, cause);
  }
}

/** Undefined when the directory is ours now, else the process id of who has it. */
async function claim(directory: string, here: ProcessIdentity): Promise<number | undefined> {
  const file = join(directory, nameOf(here));
  if (heldHere.has(file)) return here.pid;
  heldHere.add(file);
  try {
    await writeFile(file, `${here.pid}\n`, { mode: 0o600 });
    for (const other of await othersIn(directory, here)) {
      if (await isAlive(other, here)) {
        await abandon(file);
        return other.pid;
      }
      await rm(join(directory, nameOf(other)), { force: true });
    }
    return undefined;
  } catch (cause) {
    await abandon(file);
    throw unusable(directory, cause);
  }
}

async function abandon(file: string): Promise<void> {
  heldHere.delete(file);
  await rm(file, { force: true }).catch(() => {});
}

async function othersIn(directory: string, here: ProcessIdentity): Promise<ProcessIdentity[]> {
  const own = nameOf(here);
  const names = await readdir(directory);
  return names.flatMap((name) => {
    const [, pid, startTicks, boot] = /^lock\.(\d{1,10})\.([\d-]+)\.([0-9a-f-]+)$/.exec(name) ?? [];
    if (name === own || !pid || !startTicks || !boot) return [];
    return [{ pid: Number(pid), startTicks, boot }];
  });
}

function nameOf({ pid, startTicks, boot }: ProcessIdentity): string {
  return `lock.${pid}.${startTicks}.${boot}`;
}

function locked(directory: string, holder: number, here: number): ClientError {
  const who = holder === here ? 'this process' : `process ${holder}`;
  return new ClientError(
    ErrorCode.stateLocked,
    `Another device, ${who}, uses the state directory ${directory}. Stop it first, or give this one its own with --set paths.state=DIR.`,
  );
}

const doubtWords: Readonly<Record<DirectoryDoubt, string>> = {
  'was open':
    'could be written by other users, and is closed to them now. If you do not trust them, stop the device, delete the directory and start again',
  'is open':
    'can be written by other users, who may replace the keys and tasks in it, and this file system keeps no permissions. Choose another with --set paths.state=DIR',
  "another's":
    'belongs to another user, who may replace the keys and tasks in it. Run the device as that user, or choose another with --set paths.state=DIR',
};

function notPrivate(directory: string, doubt: DirectoryDoubt): ClientError {
  return new ClientError(
    ErrorCode.stateNotPrivate,
    `The state directory ${directory} ${doubtWords[doubt]}.`,
    { retryable: true },
  );
}

function unusable(directory: string, cause: unknown): ClientError {
  return new ClientError(
    ErrorCode.stateUnwritable,
    `The state directory ${directory} cannot be used (${messageOf(cause)}). Make it writable for this user, or choose another with --set paths.state=DIR.`,
    { cause },
  );
}
