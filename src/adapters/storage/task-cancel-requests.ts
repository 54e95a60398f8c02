import { type FSWatcher, watch } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { makePrivateDirectory } from './private-directory.ts';

const requestPattern = /^cancel-(t\d{1,15})$/;
/** Where a directory cannot be watched (limits of inotify, network file systems) it is looked at this often. */
const pollMs = 2000;

/** Asks the running device to cancel a task: an empty file in its tasks directory, which it removes when it has seen it. */
export async function requestTaskCancel(directory: string, id: string): Promise<void> {
  const handle = await open(join(directory, `cancel-${id}`), 'w', 0o600);
  await handle.close();
}

export interface CancelRequestsSettings {
  readonly directory: string;
  readonly clock: Clock;
  readonly onRequest: (id: string) => void;
}

/** Tells of requests, those made before the start included. Resolves when it watches; never rejects. */
export async function watchCancelRequests({
  directory,
  clock,
  onRequest,
}: CancelRequestsSettings): Promise<{ stop(): void }> {
  let stopped = false;
  let watcher: FSWatcher | undefined;
  let timer: TimerHandle | undefined;

  const look = async (): Promise<void> => {
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      const id = requestPattern.exec(name)?.[1];
      if (id === undefined || stopped) continue;
      await rm(join(directory, name), { force: true }).catch(() => {});
      onRequest(id);
    }
  };
  const poll = (): void => {
    if (stopped || timer !== undefined) return;
    timer = clock.setTimeout(() => {
      timer = undefined;
      void look().then(poll);
    }, pollMs);
  };
  try {
    await makePrivateDirectory(directory);
    watcher = watch(directory, (_event, name) => {
      if (name === null || requestPattern.test(name)) void look();
    });
    watcher.on('error', poll);
  } catch {
    poll();
  }
  await look();
  return {
    stop() {
      stopped = true;
      watcher?.close();
      clock.clearTimeout(timer);
    },
  };
}
