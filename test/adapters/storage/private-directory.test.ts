import { mkdir, mkdtemp, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { makePrivateDirectory } from '../../../src/adapters/storage/private-directory.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'private-'));
});

test('everything that is missing is made, for its owner only', async () => {
  await makePrivateDirectory(join(base, 'state', 'device', 'tasks'));
  const modes = await Promise.all(
    ['state', 'state/device', 'state/device/tasks'].map(
      async (path) => (await stat(join(base, path))).mode & 0o777,
    ),
  );
  expect(modes).toEqual([0o700, 0o700, 0o700]);
});

test('a directory that exists is left as it is, by whatever name', async () => {
  await mkdir(join(base, 'there'), { mode: 0o755 });
  await symlink(join(base, 'there'), join(base, 'link'));
  await makePrivateDirectory(join(base, 'there'));
  await makePrivateDirectory(join(base, 'link'));
  expect((await stat(join(base, 'there'))).mode & 0o777).toBe(0o755);
});

test('two that make it at once both succeed', async () => {
  const directory = join(base, 'a', 'b');
  await Promise.all([makePrivateDirectory(directory), makePrivateDirectory(directory)]);
  expect((await stat(directory)).isDirectory()).toBe(true);
});

test('a file in the way, a link to nowhere and a file system that takes nothing are failures, never a wait', async () => {
  await writeFile(join(base, 'file'), '');
  await symlink('/nonexistent/disk', join(base, 'dangling'));
  const codeOf = (path: string) =>
    makePrivateDirectory(path).then(
      () => 'made',
      (failure: NodeJS.ErrnoException) => failure.code,
    );
  expect(await codeOf(join(base, 'file'))).toBe('EEXIST');
  expect(await codeOf(join(base, 'file', 'below'))).toBe('ENOTDIR');
  expect(await codeOf(join(base, 'dangling', 'below'))).toBe('EEXIST');
  expect(await codeOf('/proc/xiaozhi-speaker/tasks')).toBe('ENOENT');
});
