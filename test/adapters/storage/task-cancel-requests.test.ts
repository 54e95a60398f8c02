import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import {
  requestTaskCancel,
  watchCancelRequests,
} from '../../../src/adapters/storage/task-cancel-requests.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let stop = () => {};
afterEach(() => stop());

async function watching(directory: string) {
  const requests: string[] = [];
  const clock = new FakeClock();
  const watcher = await watchCancelRequests({ directory, clock, onRequest: (id) => requests.push(id) });
  stop = watcher.stop;
  return { requests, clock };
}

test('a request of before the start is seen, a later one at once, each once; other files are left alone', async () => {
  const directory = join(await mkdtemp(join(tmpdir(), 'cancel-')), 'tasks');
  await mkdir(directory);
  await writeFile(join(directory, 'journal'), '');
  await writeFile(join(directory, 'cancel-t7x'), '');
  await requestTaskCancel(directory, 't7');
  const { requests } = await watching(directory);
  expect(requests).toEqual(['t7']);
  await requestTaskCancel(directory, 't12');
  await vi.waitFor(() => expect(new Set(requests)).toEqual(new Set(['t7', 't12'])));
  await vi.waitFor(async () => expect((await readdir(directory)).sort()).toEqual(['cancel-t7x', 'journal']));
});

test('a directory that cannot be watched is looked at again and again', async () => {
  const directory = join(await mkdtemp(join(tmpdir(), 'cancel-')), 'tasks');
  await writeFile(directory, 'in the way');
  const { requests, clock } = await watching(directory);
  await rm(directory);
  await mkdir(directory);
  await requestTaskCancel(directory, 't3');
  await vi.waitFor(() => {
    clock.advance(2000);
    expect(requests).toEqual(['t3']);
  });
  stop();
  expect(clock.pendingTimers).toBe(0);
});
