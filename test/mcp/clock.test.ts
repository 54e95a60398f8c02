import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { skipped, withoutPrograms } from '../support/skipped.ts';

/** libfaketime of Debian's package `faketime`: the date of a real process, which can be set while it runs. */
const library = readdirSync('/usr/lib', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `/usr/lib/${name}/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));
const noFaketime =
  library === undefined
    ? 'faketime is not installed; scripts/setup --ci does it'
    : withoutPrograms('faketime');

let program: string;
beforeAll(async () => {
  program = join(await mkdtemp(join(tmpdir(), 'clock-')), 'program.mjs');
  await build({
    entryPoints: ['test/support/clock-program.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
});

const running: (() => void)[] = [];
afterEach(() => {
  for (const kill of running.splice(0)) kill();
});

/** A process whose date is `offset` away from the right one (`-100h`, `+1y`). */
async function device(directory: string, offset: string) {
  const date = join(await mkdtemp(join(tmpdir(), 'date-')), 'faketimerc');
  await writeFile(date, offset);
  const child = spawn(process.execPath, [program, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: date,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
  });
  running.push(() => child.kill('SIGKILL'));
  const said: string[] = [];
  const answers: ((answer: unknown) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/^(mail|expired) /.test(line)) said.push(line);
    else answers.shift()?.(JSON.parse(line));
  });
  return {
    said,
    ask: (command: string) =>
      new Promise<unknown>((resolve) => {
        answers.push(resolve);
        child.stdin.write(`${command}\n`);
      }),
    setDate: (to: string) => writeFile(date, to),
  };
}

describe.skipIf(noFaketime)(`a real process whose date is wrong${skipped(noFaketime)}`, () => {
  const state = async () => join(await mkdtemp(join(tmpdir(), 'state-')), 'tasks');
  const year = new Date().getFullYear();

  test('tells a result of when the date was 100 hours behind, and does not expire it', async () => {
    const directory = await state();
    const behind = await device(directory, '-100h');
    await behind.ask('finish');
    await behind.ask('stop');
    const right = await device(directory, '+0');
    await right.ask('tried t1');
    await right.ask('date');
    expect(right.said).toEqual(['mail t1 dry']);
  });

  test('keeps durations over a restart at another date, and works a time of day out anew when it is set', async () => {
    const directory = await state();
    const behind = await device(directory, '-2y');
    expect(await behind.ask('date')).toBeLessThan(year);
    await behind.ask('set {"seconds":3600,"name":"roast"}');
    await behind.ask('set {"at":"07:00","name":"up"}');
    await behind.setDate('+0');
    const listed = (await behind.ask('list')) as { value: { due: string; seconds_left: number }[] };
    const [roast, up] = listed.value;
    expect(roast?.seconds_left).toBeGreaterThan(3500);
    expect(up?.due).toMatch(/ 07:00:00$/);
    expect(up?.seconds_left).toBeGreaterThan(0);
    expect(up?.seconds_left).toBeLessThanOrEqual(90_000);
    await behind.ask('stop');

    const ahead = await device(directory, '+1y');
    const again = (await ahead.ask('list')) as typeof listed;
    expect(again.value[0]?.seconds_left).toBeGreaterThan(3400);
    expect(again.value[1]?.seconds_left).toBeGreaterThan(0);
    expect(ahead.said).toEqual([]);
  });
});
