import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { beforeEach, expect, test } from 'vitest';
import {
  createTaskJournal,
  readTaskJournal,
  taskJournalFile,
} from '../../../src/adapters/storage/task-journal.ts';
import { encodeEntry } from '../../../src/adapters/storage/task-journal-format.ts';
import { ClientError } from '../../../src/core/errors.ts';
import type { TaskJournal } from '../../../src/ports/task-journal.ts';

let directory: string;
let file: string;
let damages: ClientError[];
const journalHere = (): TaskJournal =>
  createTaskJournal({ directory, onDamaged: (error) => damages.push(error) });

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'journal-')), 'tasks');
  file = taskJournalFile(directory);
  damages = [];
});

async function reopened(): Promise<readonly unknown[]> {
  const journal = journalHere();
  const { entries } = await journal.open();
  await journal.close();
  return entries;
}

test('entries survive, in a file and a directory of their owner alone', async () => {
  const journal = journalHere();
  expect(await journal.open()).toEqual({ entries: [], damaged: 0 });
  await journal.append([{ n: 1 }, { n: 2 }]);
  await journal.append([{ n: 3 }]);
  expect(journal.sizeBytes).toBe((await stat(file)).size);
  await journal.close();
  expect(await reopened()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('appends that come together keep their order', async () => {
  const journal = journalHere();
  await journal.open();
  const numbers = Array.from({ length: 200 }, (_, n) => ({ n }));
  await Promise.all(numbers.map((entry) => journal.append([entry])));
  await journal.close();
  expect(await reopened()).toEqual(numbers);
});

test('after a write that never finished, the next entry is readable', async () => {
  const journal = journalHere();
  await journal.open();
  await journal.append([{ n: 1 }]);
  await journal.close();
  const whole = await readFile(file);
  const second = encodeEntry({ n: 2 });
  for (const kept of [0, 1, 5, second.length - 2, second.length - 1]) {
    await writeFile(file, Buffer.concat([whole, second.subarray(0, kept)]));
    const next = journalHere();
    await next.open();
    await next.append([{ n: 3 }]);
    await next.close();
    const survived = kept === second.length - 1 ? [{ n: 2 }] : [];
    expect({ kept, entries: await readTaskJournal(directory) }).toEqual({
      kept,
      entries: [{ n: 1 }, ...survived, { n: 3 }],
    });
  }
});

test('a damaged entry in the middle is set aside and reported, the others stay', async () => {
  const journal = journalHere();
  await journal.open();
  await journal.append([{ n: 1 }, { n: 2, secret: 'x'.repeat(20) }, { n: 3 }]);
  await journal.close();
  const bytes = await readFile(file);
  bytes.write('y', bytes.indexOf('xxxx'));
  await writeFile(file, bytes);

  const again = journalHere();
  expect(await again.open()).toEqual({ entries: [{ n: 1 }, { n: 3 }], damaged: 1 });
  await again.append([{ n: 4 }]);
  await again.close();
  expect(damages.map(({ code }) => code)).toEqual(['STATE_DAMAGED']);
  expect(await reopened()).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  expect(damages).toHaveLength(1);
  const aside = (await readdir(directory)).filter((name) => name.startsWith('journal.damaged-'));
  expect(aside).toHaveLength(1);
  expect(await readFile(join(directory, aside[0] ?? ''), 'utf8')).toContain('yxxx');
});

test('a rewrite replaces all entries; what is appended around it stays', async () => {
  const journal = journalHere();
  await journal.open();
  const all: unknown[] = [];
  // As a store does: it knows of an entry before the disk does.
  const append = (entry: unknown) => {
    all.push(entry);
    return journal.append([entry]);
  };
  await append({ n: 1 });
  await Promise.all([append({ n: 2 }), journal.rewrite(() => all), append({ n: 3 })]);
  await append({ n: 4 });
  expect(journal.sizeBytes).toBe((await stat(file)).size);
  await journal.close();
  const entries = new Set((await reopened()).map((entry) => JSON.stringify(entry)));
  expect(entries).toEqual(new Set(['{"n":1}', '{"n":2}', '{"n":3}', '{"n":4}']));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a rewrite that a crash left half done is no part of the journal and in nobody’s way', async () => {
  const journal = journalHere();
  await journal.open();
  await journal.append([{ n: 1 }]);
  await writeFile(`${file}.new`, encodeEntry({ n: 'half' }).subarray(0, 9));
  await journal.rewrite(() => [{ n: 'whole' }]);
  await journal.close();
  expect(await reopened()).toEqual([{ n: 'whole' }]);
  expect(await readdir(directory)).toEqual(['journal']);
});

test('a directory that cannot be made is an error that says what to do', async () => {
  await writeFile(directory, 'a file is in the way');
  const journal = journalHere();
  const failure = await journal.append([{ n: 1 }]).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClientError);
  expect(failure).toMatchObject({ code: 'STATE_UNWRITABLE', retryable: true });
  expect((failure as ClientError).message).toContain('Free some space');
  await journal.close();
});

test('on a full disk an entry is refused whole, and once there is room the journal goes on', async () => {
  // A limit on file sizes lets a write stop in the middle, as a full disk does, without needing a disk.
  const program = join(directory, '..', 'full-disk.mjs');
  await build({
    stdin: {
      contents: `
        import { createTaskJournal } from './src/adapters/storage/task-journal.ts';
        const journal = createTaskJournal({ directory: process.argv[2], onDamaged: () => {} });
        await journal.open();
        const outcome = (entry) => journal.append([entry]).then(() => 'kept', (error) => error.code);
        const outcomes = [];
        outcomes.push(await outcome({ n: 1 }));
        outcomes.push(await outcome({ n: 2, filler: 'x'.repeat(9000) }));
        outcomes.push(await outcome({ n: 3 }));
        outcomes.push(await journal.rewrite(() => [{ filler: 'x'.repeat(9000) }]).catch((error) => error.code));
        outcomes.push(await outcome({ n: 4 }));
        await journal.close();
        process.stdout.write(JSON.stringify(outcomes));`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'trap "" XFSZ; ulimit -f 8; exec "$0" "$@"',
    process.execPath,
    program,
    directory,
  ]);
  expect(JSON.parse(stdout)).toEqual(['kept', 'STATE_UNWRITABLE', 'kept', 'STATE_UNWRITABLE', 'kept']);
  expect(await reopened()).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  expect(await readdir(directory)).toEqual(['journal']);
});

test('nothing is promised once somebody has removed the directory', async () => {
  const journal = journalHere();
  await journal.open();
  await journal.append([{ n: 1 }]);
  await rm(directory, { recursive: true });
  await expect(journal.append([{ n: 2 }])).rejects.toMatchObject({
    code: 'STATE_UNWRITABLE',
    message: expect.stringContaining('its journal was removed while the device ran'),
  });
  await expect(journal.append([{ n: 3 }])).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
  await journal.close();
});
