import { open, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createGrowingFile } from '../../../src/adapters/recording/growing-file.ts';
import { createRecordingDirectory } from '../../../src/adapters/recording/recording-directory.ts';
import { makePrivateDirectory } from '../../../src/adapters/storage/private-directory.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const directoryOf = (directory: string) => createRecordingDirectory(directory, makePrivateDirectory);
const bytes = (text: string) => new TextEncoder().encode(text);

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: ClientError) => thrown,
  );
  return error === undefined ? 'resolved' : `${error.code}: ${error.message}`;
}

test('the directory is made when first needed, and it and its files are for their owner only', async () => {
  const directory = join(await temporaryDirectory(), 'state', 'recordings');
  const files = directoryOf(directory);
  expect(await files.list(10)).toEqual([]);
  const file = await files.create('a.wav');
  await file.close();
  const modes = await Promise.all(
    [directory, file.path].map(async (path) => (await stat(path)).mode & 0o777),
  );
  expect(modes).toEqual([0o700, 0o600]);
});

test('what is written later may lie over what was written before', async () => {
  const file = await directoryOf(await temporaryDirectory()).create('a.wav');
  file.append(bytes('0000one '));
  file.append(bytes('two'));
  file.overwrite(0, bytes('1234'));
  expect(file.bytes).toBe(11);
  await file.close();
  expect(await readFile(file.path, 'utf8')).toBe('1234one two');
});

test('an existing recording is never touched', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'a.wav'), 'precious');
  expect(await refusalOf(directoryOf(directory).create('a.wav'))).toBe(
    `STATE_UNWRITABLE: Recordings cannot be kept in ${directory} (EEXIST). Make it a directory you may write to, or choose another in recordings.directory.`,
  );
  expect(await readFile(join(directory, 'a.wav'), 'utf8')).toBe('precious');
});

test('a directory that is none is named in the refusal', async () => {
  const place = join(await temporaryDirectory(), 'file');
  await writeFile(place, '');
  const files = directoryOf(place);
  const refusal = `STATE_UNWRITABLE: Recordings cannot be kept in ${place} (ENOTDIR). Make it a directory you may write to, or choose another in recordings.directory.`;
  expect([await refusalOf(files.list(10)), (await refusalOf(files.create('a.wav'))).slice(0, 16)]).toEqual([
    refusal,
    'STATE_UNWRITABLE',
  ]);
});

test('only recordings are listed, oldest first, and no more than asked for', async () => {
  const directory = await temporaryDirectory();
  const files = directoryOf(directory);
  for (const name of ['b.wav', 'a.ogg', 'notes.txt']) await writeFile(join(directory, name), name);
  await utimes(join(directory, 'b.wav'), 1_000, 1_000);
  expect(await files.list(10)).toEqual([
    { path: join(directory, 'b.wav'), bytes: 5 },
    { path: join(directory, 'a.ogg'), bytes: 5 },
  ]);
  expect((await files.list(1)).length).toBe(1);
});

test('a full disk is told once, nothing more is written, and closing says it again', async () => {
  const file = createGrowingFile(await open('/dev/full', 'w'), '/recordings/a.wav');
  const failures: string[] = [];
  const failed = new Promise<void>((resolve) => {
    file.onFailed = ({ message }) => {
      failures.push(message);
      resolve();
    };
  });
  file.append(bytes('one'));
  file.append(bytes('two'));
  await failed;
  file.append(bytes('three'));
  const message =
    'The recording /recordings/a.wav ended early (ENOSPC: no space left on device, write). Make room on the disk, or choose another place in recordings.directory.';
  expect(await refusalOf(file.close())).toBe(`STATE_UNWRITABLE: ${message}`);
  expect([failures, file.bytes]).toEqual([[message], 6]);
});

test('a disk that does not keep up ends the recording instead of filling the memory', async () => {
  const file = await directoryOf(await temporaryDirectory()).create('a.wav');
  const failures: string[] = [];
  file.onFailed = ({ message }) => failures.push(message);
  const megabyte = new Uint8Array(1024 * 1024);
  // All in one turn: nothing can have been written yet.
  for (let i = 0; i < 9; i++) file.append(megabyte);
  expect(failures).toEqual([
    `The recording ${file.path} ended early (the disk is too slow). Make room on the disk, or choose another place in recordings.directory.`,
  ]);
  await file.close().catch(() => {});
});

test('a long recording is written as it comes, and what comes after its end is not', async () => {
  const file = await directoryOf(await temporaryDirectory()).create('a.wav');
  const part = new Uint8Array(3 * 1024 * 1024);
  for (let parts = 1; parts <= 4; parts++) {
    file.append(part.slice());
    await vi.waitFor(async () => expect((await stat(file.path)).size).toBe(parts * part.length));
  }
  await file.close();
  file.append(part);
  expect(file.bytes).toBe(4 * part.length);
});

test('a discarded file is gone', async () => {
  const directory = await temporaryDirectory();
  const files = directoryOf(directory);
  const file = await files.create('a.wav');
  file.append(bytes('nothing'));
  await file.discard();
  await file.discard();
  expect(await files.list(10)).toEqual([]);
});
