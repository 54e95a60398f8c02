import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runMarkVariable } from '../../../src/processes/process-tree.ts';
import { call, failureOf, runnerDeps, runnerFor } from '../../support/tool-runner.ts';

const node = JSON.stringify(process.execPath);
/** A tool that is a piece of JavaScript. */
const script = (code: string, more: Record<string, unknown> = {}) =>
  runnerFor({ executable: node, args: ['-e', code], ...more });
const shell = (code: string, more: Record<string, unknown> = {}) =>
  runnerFor({ executable: '/bin/sh -c', args: [code], ...more });

async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const scratch = () => mkdtemp(join(tmpdir(), 'tools-'));

async function pidIn(file: string): Promise<number> {
  let pid = 0;
  await until(async () => {
    pid = Number(await readFile(file, 'utf8').catch(() => '0'));
    return pid > 0;
  });
  return pid;
}

/** Starts a call, waits until its program has written a process id, and aborts the call. */
async function abortedOnce(runner: ReturnType<typeof runnerFor>, pidFile: string) {
  const abort = new AbortController();
  const work = failureOf(call(runner, {}, abort.signal));
  const pid = await pidIn(pidFile);
  expect(await isRunning(pid)).toBe(true);
  abort.abort();
  const failure = await work;
  // The answer does not wait for the end; this does.
  await runner.dispose();
  return { failure, pid };
}

const cancelled = 'TOOL_CANCELLED The tool probe was stopped before it had finished.';

test('arguments come as JSON on standard input, the result is what was printed', async () => {
  const runner = runnerFor({ executable: 'cat' });
  expect(await call(runner, { a: 1, b: ['ü'] })).toEqual({ kind: 'json', value: { a: 1, b: ['ü'] } });
});

test('text is text, without the blanks around it', async () => {
  expect(await call(shell('echo "  21 degrees "'))).toEqual({ kind: 'text', text: '21 degrees' });
});

test('arguments come as words where args names them, and no shell reads them', async () => {
  const code = 'console.log(JSON.stringify(process.argv.slice(1)))';
  const runner = script(code, { args: ['-e', code, '--', '{{text}}', '--n={{n}}', '{{absent}}'] });
  expect(await call(runner, { text: '$(id) ; "x" `y` *', n: 3 })).toEqual({
    kind: 'json',
    value: ['$(id) ; "x" `y` *', '--n=3'],
  });
});

test('a value that looks like an option is refused', async () => {
  const runner = runnerFor({ executable: 'ls', args: ['{{path}}'] });
  expect(await failureOf(call(runner, { path: '--help' }))).toBe(
    'TOOL_FAILED The tool probe failed: the value of path begins with "-" and would be taken for an option.',
  );
});

test('the environment holds what is configured and nothing secret of ours', async () => {
  const deps = { ...runnerDeps(), env: { PATH: process.env.PATH, XIAOZHI_SERVER__TOKEN: 'hush' } };
  const runner = runnerFor({ executable: 'env', env: { CITY: 'Ulm' } }, deps);
  const output = await call(runner);
  const names = output.kind === 'text' ? output.text.split('\n').map((line) => line.split('=')[0]) : [];
  expect(names.sort()).toEqual(['CITY', 'PATH', 'XIAOZHI_TOOL_RUN']);
});

test('it runs beside the configuration file, or where cwd says', async () => {
  const directory = await scratch();
  const deps = { ...runnerDeps(), baseDirectory: directory };
  expect(await call(runnerFor({ executable: 'pwd' }, deps))).toEqual({ kind: 'text', text: directory });
  expect(await call(runnerFor({ executable: 'pwd', cwd: '..' }, deps))).toEqual({
    kind: 'text',
    text: tmpdir(),
  });
});

test('an exit code is an error with the last line of standard error, without configured secrets', async () => {
  const runner = shell('echo loading >&2; echo "bad key $API_KEY for $DB_PASS" >&2; exit 3', {
    env: { API_KEY: 'hush-hush', DB_PASS: 'hunter2' },
  });
  expect(await failureOf(call(runner))).toBe(
    'TOOL_FAILED The tool probe failed: bad key •••• for •••• (exit code 3).',
  );
  expect(await failureOf(call(shell('kill -s USR1 $$')))).toBe(
    'TOOL_FAILED The tool probe failed: ended by SIGUSR1.',
  );
});

test('a program that is not there or may not be run says which', async () => {
  expect(await failureOf(call(runnerFor({ executable: 'no-such-program' })))).toBe(
    'TOOL_FAILED The tool probe failed: the program no-such-program was not found.',
  );
  expect(await failureOf(call(runnerFor({ executable: 'ls', cwd: '/no/such' })))).toBe(
    'TOOL_FAILED The tool probe failed: its directory /no/such does not exist.',
  );
  expect(await failureOf(call(runnerFor({ executable: '/etc/passwd' })))).toBe(
    'TOOL_FAILED The tool probe failed: the program /etc/passwd may not be executed; chmod +x it.',
  );
});

test('binary output is an error', async () => {
  expect(await failureOf(call(runnerFor({ executable: 'head -c 100 /proc/self/exe' })))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it printed binary data instead of text.',
  );
});

test('a program that never stops printing is stopped at the limit', async () => {
  expect(await failureOf(call(runnerFor({ executable: 'yes' })))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it is larger than 2097152 bytes.',
  );
});

test('a program that does not read its input does not disturb', async () => {
  expect(await call(shell('exec <&-; echo fine'), { text: 'x'.repeat(1_000_000) })).toEqual({
    kind: 'text',
    text: 'fine',
  });
});

test('arguments too long for a command line are an error', async () => {
  const runner = runnerFor({ executable: 'echo', args: ['{{text}}'] });
  expect(await failureOf(call(runner, { text: 'x'.repeat(200_000) }))).toBe(
    'TOOL_FAILED The tool probe failed: its arguments are too long for a command line.',
  );
});

test('the answer comes with the abort, and does not wait for a program that ignores SIGTERM', async () => {
  const file = join(await scratch(), 'pid');
  const runner = shell(`trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done`);
  const abort = new AbortController();
  const work = failureOf(call(runner, {}, abort.signal));
  const pid = await pidIn(file);
  abort.abort();
  expect(await work).toBe(cancelled);
  expect(await isRunning(pid)).toBe(true);
  await runner.dispose();
  expect(await isRunning(pid)).toBe(false);
});

test('an abort ends a program that ignores SIGTERM, and its children', async () => {
  const file = join(await scratch(), 'pid');
  const runner = shell(
    `trap "" TERM; sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done' & wait`,
  );
  const { failure, pid } = await abortedOnce(runner, file);
  expect(failure).toBe(cancelled);
  expect(await isRunning(pid)).toBe(false);
});

test('an abort reaches a descendant that forked twice and left session and group', async () => {
  const file = join(await scratch(), 'pid');
  const runner = shell(`(setsid sh -c 'echo $$ > ${file}; exec sleep 100' >/dev/null 2>&1 &) ; sleep 100`);
  const { failure, pid } = await abortedOnce(runner, file);
  expect(failure).toBe(cancelled);
  expect(await isRunning(pid)).toBe(false);
});

test('an abort catches a program that keeps forking', async () => {
  const directory = await scratch();
  const file = join(directory, 'pid');
  const runner = shell(`echo $$ > ${file}; while :; do (trap "" TERM; sleep 100) & sleep 0.01; done`);
  const { pid } = await abortedOnce(runner, file);
  const groups = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')),
  );
  const left = groups.filter((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] === String(pid));
  expect(left.filter((stat) => !/\) Z /.test(stat))).toEqual([]);
});

test('the reason of the abort is the error when it is one a person can read', async () => {
  const reason = new AbortController();
  const { ClientError, ErrorCode } = await import('../../../src/core/errors.ts');
  const work = call(runnerFor({ executable: 'sleep 100' }), {}, reason.signal);
  const timeout = new ClientError(ErrorCode.toolFailed, 'It took too long.');
  reason.abort(timeout);
  await expect(work).rejects.toBe(timeout);
});

test('what a program leaves behind in its group ends with it; its output does not wait for that', async () => {
  const output = await call(shell('sleep 100 & echo $!'));
  const pid = output.kind === 'text' ? Number(output.text) : 0;
  expect(pid).toBeGreaterThan(0);
  await until(async () => !(await isRunning(pid)));
});

test('a helper that left the group on purpose lives on and does not hold up the result', async () => {
  const file = join(await scratch(), 'pid');
  const runner = shell(
    `setsid sh -c 'echo $$ > ${file}; exec sleep 100' & while [ ! -s ${file} ]; do sleep 0.01; done; echo done`,
  );
  expect(await call(runner)).toEqual({ kind: 'text', text: 'done' });
  const pid = await pidIn(file);
  expect(await isRunning(pid)).toBe(true);
  process.kill(pid, 'SIGKILL');
});

test('dispose ends the calls under way and refuses new ones', async () => {
  const file = join(await scratch(), 'pid');
  const runner = shell(`echo $$ > ${file}; exec sleep 100`);
  const work = failureOf(call(runner));
  const pid = await pidIn(file);
  await runner.dispose();
  expect(await isRunning(pid)).toBe(false);
  expect(await work).toBe(cancelled);
  expect(await failureOf(call(runner))).toBe(cancelled);
});

test('two hundred calls leave no descriptor, no child and no listener behind', async () => {
  const runner = runnerFor({ executable: 'echo', args: ['{{n}}'] });
  const signal = new AbortController().signal;
  EventEmitter.setMaxListeners(0, signal);
  await call(runner, { n: 0 }, signal);
  const open = async () => (await readdir('/proc/self/fd')).length;
  const before = await open();
  for (let round = 0; round < 10; round++) {
    const outputs = await Promise.all(Array.from({ length: 20 }, (_, n) => call(runner, { n }, signal)));
    expect(outputs).toEqual(Array.from({ length: 20 }, (_, n) => ({ kind: 'text', text: String(n) })));
  }
  const absent = runnerFor({ executable: 'no-such-program' });
  for (let n = 0; n < 50; n++) await failureOf(call(absent, {}, signal));
  await until(async () => (await open()) <= before);
  expect(EventEmitter.getEventListeners(signal, 'abort')).toEqual([]);
});

test('when the device is killed with -9 its running tools end, too, wherever their children hide', async () => {
  const directory = await scratch();
  const file = (name: string) => join(directory, name);
  const support = new URL('../../../src/processes/crash-guard.ts', import.meta.url).pathname;
  const bundle = join(directory, 'device.mjs');
  const { build } = await import('esbuild');
  await build({ entryPoints: [support], bundle: true, platform: 'node', format: 'esm', outfile: bundle });
  const main = join(directory, 'main.mjs');
  const left = (name: string) =>
    `setsid sh -c "trap : TERM; echo \\$\\$ > ${file(name)}; while :; do sleep 1; done" &`;
  await writeFile(
    main,
    `import { spawn } from 'node:child_process';
     import { expectRun, guardRun, releaseRun } from './device.mjs';
     const start = (line, mark) =>
       spawn('sh', ['-c', line], { detached: true, stdio: 'ignore', env: { ...process.env, ${runMarkVariable}: mark } });
     const over = start(${JSON.stringify(`${left('over')} wait`)}, 'over');
     guardRun(over.pid, 'over');
     releaseRun(over.pid);
     expectRun('live');
     const child = start(${JSON.stringify(`${left('hidden')} echo $$ > ${file('leader')}; exec sleep 100`)}, 'live');
     guardRun(child.pid, 'live');`,
  );
  const device = spawn(process.execPath, [main], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [over, leader, hidden] = await Promise.all([
    pidIn(file('over')),
    pidIn(file('leader')),
    pidIn(file('hidden')),
  ]);
  device.kill('SIGKILL');
  await until(async () => !(await isRunning(leader)) && !(await isRunning(hidden)));
  expect(await isRunning(over)).toBe(true);
  process.kill(over, 'SIGKILL');
});
