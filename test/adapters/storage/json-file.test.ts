import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createJsonFileStorage } from '../../../src/adapters/storage/json-file.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import type { Storage } from '../../../src/ports/storage.ts';

let directory: string;
let damages: ClientError[];
let storage: Storage;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'state-')), 'deep', 'state');
  damages = [];
  storage = createJsonFileStorage({ directory, onDamaged: (error) => damages.push(error) });
});

test('a record that was never written is undefined', async () => {
  expect(await storage.get('identity')).toBeUndefined();
});

test('a record survives, in a file and a directory of its owner alone', async () => {
  await storage.set('identity', { deviceId: '02:00:5e:10:20:30', 词: '小智' });
  const again = createJsonFileStorage({ directory, onDamaged: () => {} });
  expect(await again.get('identity')).toEqual({ deviceId: '02:00:5e:10:20:30', 词: '小智' });
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect((await stat(join(directory, 'identity.json'))).mode & 0o777).toBe(0o600);
});

test('a file that others could read is closed to them by the next write', async () => {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'identity.json'), '{}', { mode: 0o644 });
  await storage.set('identity', { token: 'x' });
  expect((await stat(join(directory, 'identity.json'))).mode & 0o777).toBe(0o600);
});

test('of many writes at once the last wins, a reader sees whole records, and nothing else is left', async () => {
  const writes = Array.from({ length: 30 }, (_, n) =>
    storage.set('identity', { n, filler: 'x'.repeat(10_000) }),
  );
  const seen = await storage.get('identity');
  await Promise.all(writes);
  expect(seen).toMatchObject({ n: 29 });
  expect(await storage.get('identity')).toMatchObject({ n: 29 });
  expect(await readdir(directory)).toEqual(['identity.json']);
});

test('a damaged file is set aside with a date and reported, and the record begins anew', async () => {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'identity.json'), '{"deviceId": "02:');
  expect(await storage.get('identity')).toBeUndefined();
  const [aside = ''] = await readdir(directory);
  expect(aside).toMatch(/^identity\.json\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
  expect(await readFile(join(directory, aside), 'utf8')).toBe('{"deviceId": "02:');
  expect(damages).toMatchObject([{ code: 'STATE_DAMAGED', message: expect.stringContaining(aside) }]);
  await storage.set('identity', {});
  expect(await storage.get('identity')).toEqual({});
});

test('a directory that cannot be written is a clear error, and later writes are tried again', async () => {
  const parent = join(directory, '..');
  await mkdir(join(parent, '..'), { recursive: true });
  await writeFile(parent, 'a file where the directory should be');
  await expect(storage.set('identity', {})).rejects.toMatchObject({
    code: 'STATE_UNWRITABLE',
    message: expect.stringContaining('--set paths.state=DIR'),
  });
  await expect(storage.get('identity')).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
});
