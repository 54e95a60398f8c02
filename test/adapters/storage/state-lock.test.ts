import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { identifyThisProcess } from '../../../src/adapters/storage/process-identity.ts';
import { acquireStateLock, stateLockHolder } from '../../../src/adapters/storage/state-lock.ts';
import { madeUpProc, skipped } from '../../support/skipped.ts';

let program: string;
beforeAll(async () => {
  program = join(await mkdtemp(join(tmpdir(), 'lock-program-')), 'holder.mjs');
  await build({
    stdin: {
      // Says what became of it, and holds the lock until standard input ends.
      contents: `
        import { acquireStateLock } from './src/adapters/storage/state-lock.ts';
        try { await acquireStateLock(process.argv[2]); console.log('held'); } catch (error) { console.log(error.code); }
        process.stdin.on('end', () => process.exit()).resume();`,
      resolveDir: process.cwd(),
    },
    outfile: program,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
});

let directory: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(kill));
});

function start(): { child: ChildProcess; said: Promise<string> } {
  const child = spawn(process.execPath, [program, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  return { child, said: once(lines, 'line').then(([line]) => String(line)) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test.skipIf(madeUpProc)(
  `a second device is refused and told which process holds the directory${skipped(madeUpProc)}`,
  async () => {
    const { child, said } = start();
    expect(await said).toBe('held');
    expect(await stateLockHolder(directory)).toBe(child.pid);
    await expect(acquireStateLock(directory)).rejects.toMatchObject({
      code: 'STATE_LOCKED',
      message: expect.stringContaining(`process ${child.pid}`),
    });
  },
);

test('a holder that was killed is forgotten at once', async () => {
  const { child, said } = start();
  expect(await said).toBe('held');
  await kill(child);
  expect(await stateLockHolder(directory)).toBeUndefined();
  const lock = await acquireStateLock(directory);
  expect(await readdir(directory)).toHaveLength(1);
  await lock.release();
});

test('a process id that was given away again holds nothing', async () => {
  const { pid, boot } = await identifyThisProcess();
  await writeFile(join(directory, `lock.${process.ppid}.1.${boot}`), '');
  await writeFile(join(directory, `lock.${pid}.1.${boot}`), '');
  const lock = await acquireStateLock(directory);
  expect(await readdir(directory)).toHaveLength(1);
  await lock.release();
});

test.skipIf(madeUpProc)(
  `a lock of an earlier boot holds nothing, even when all else about the process is the same${skipped(madeUpProc)}`,
  async () => {
    expect(await start().said).toBe('held');
    const [name = ''] = await readdir(directory);
    const other = await mkdtemp(join(tmpdir(), 'lock-'));
    await writeFile(join(other, name.replace(/[^.]*$/, '0badb007')), '');
    await (await acquireStateLock(other)).release();
    expect(await readdir(other)).toEqual([]);
    await writeFile(join(other, name), '');
    await expect(acquireStateLock(other)).rejects.toMatchObject({ code: 'STATE_LOCKED' });
  },
);

test('two devices in one process exclude each other, under any name of the directory', async () => {
  const lock = await acquireStateLock(directory);
  const alias = `${directory}-alias`;
  await symlink(directory, alias);
  await expect(acquireStateLock(alias)).rejects.toMatchObject({
    code: 'STATE_LOCKED',
    message: expect.stringContaining('this process'),
  });
  await lock.release();
  await lock.release();
  const next = await acquireStateLock(alias);
  await next.release();
});

test.skipIf(madeUpProc)(
  `of processes that start together never more than one gets the directory${skipped(madeUpProc)}`,
  async () => {
    for (let round = 0; round < 3; round++) {
      const said = await Promise.all(Array.from({ length: 4 }, () => start().said));
      expect(said.filter((word) => word === 'held').length).toBeLessThanOrEqual(1);
      expect(new Set(said.filter((word) => word !== 'held'))).toEqual(new Set(['STATE_LOCKED']));
      await Promise.all(children.splice(0).map(kill));
    }
  },
);

test('a directory that cannot be made is a clear error', async () => {
  await writeFile(join(directory, 'file'), '');
  await expect(acquireStateLock(join(directory, 'file', 'state'))).rejects.toMatchObject({
    code: 'STATE_UNWRITABLE',
  });
});

test('other files in the directory are left alone', async () => {
  await mkdir(join(directory, 'tasks'));
  await writeFile(join(directory, 'lock.notes.txt'), '');
  await (await acquireStateLock(directory)).release();
  expect((await readdir(directory)).sort()).toEqual(['lock.notes.txt', 'tasks']);
});

const notRoot = process.getuid?.() === 0 ? undefined : 'only root can give a directory to another user';

test.skipIf(notRoot)(
  `a directory that another user made for everybody is no place for keys${skipped(notRoot)}`,
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'others-'));
    await chmod(directory, 0o777);
    await chown(directory, 65_534, 65_534);
    await expect(acquireStateLock(directory)).rejects.toMatchObject({
      code: 'STATE_UNWRITABLE',
      message: expect.stringContaining('it belongs to another user'),
    });
  },
);

test('a directory of ours that everybody may write into is closed to them, and that is said', async () => {
  await chmod(directory, 0o777);
  const lock = await acquireStateLock(directory);
  expect(lock.doubt).toMatchObject({
    code: 'STATE_NOT_PRIVATE',
    message: expect.stringMatching(
      /could be written by other users, and is closed to them now\. If you do not/,
    ),
  });
  expect((await stat(directory)).mode & 0o777).toBe(0o755);
  await lock.release();
  const again = await acquireStateLock(directory);
  expect(again.doubt).toBeUndefined();
  await again.release();
});

test.skipIf(notRoot)(
  `root may use what is of somebody else, and is told whose it is${skipped(notRoot)}`,
  async () => {
    await chown(directory, 65_534, 65_534);
    const lock = await acquireStateLock(directory);
    expect(lock.doubt).toMatchObject({
      code: 'STATE_NOT_PRIVATE',
      message: expect.stringContaining(
        'belongs to another user, who may replace the keys and tasks in it. Run the',
      ),
    });
    await lock.release();
  },
);
