import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it, vi } from 'vitest';
import { createCaptureCommand } from '../../../src/adapters/tools/capture-photo.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;
const script = (code: string) => [process.execPath, '-e', code] as const;
const capture = (command: readonly [string, ...string[]], signal = never) =>
  createCaptureCommand({ command, env: process.env, clock: monotonicClock }).capturePhoto(signal);

it('takes what the program writes for the picture', async () => {
  const write = 'process.stdout.write(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 10, 0]))';
  expect([...(await capture(script(write)))]).toEqual([0xff, 0xd8, 0xff, 0xe0, 10, 0]);
});

it('tells the program who and where the user is, and none of the secrets of the device', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'capture-'));
  const file = join(directory, 'environment');
  const env = { PATH: process.env.PATH, HOME: '/home/me', XIAOZHI_SERVER__TOKEN: 'hush', COZE_TOKEN: 'hush' };
  process.env.CAPTURE_TEST_TOKEN = 'hush';
  const code = `require('node:fs').writeFileSync(process.argv[1], JSON.stringify(process.env));
    process.stdout.write(Buffer.from([0xff, 0xd8, 0xff]))`;
  const camera = createCaptureCommand({ command: [...script(code), file], env, clock: monotonicClock });
  await camera.capturePhoto(never);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
    PATH: process.env.PATH,
    HOME: '/home/me',
    XIAOZHI_TOOL_RUN: expect.any(String),
  });
  delete process.env.CAPTURE_TEST_TOKEN;
  await rm(directory, { recursive: true });
});

it.each([
  ['no such program', ['/nonexistent/camera'] as const],
  ['an exit code', script('process.stdout.write(Buffer.from([0xff, 0xd8, 0xff])); process.exitCode = 3')],
  ['no JPEG', script('console.log("no camera")')],
  ['nothing', script('')],
  ['output without end', ['yes'] as const],
])('says so in the words of the firmware: %s', async (_what, command) => {
  await expect(capture(command)).rejects.toMatchObject({
    code: 'TOOL_FAILED',
    message: 'Failed to capture photo',
  });
});

it('kills the program and its children when the call is cancelled', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'capture-'));
  const pidFile = join(directory, 'pid');
  const spawnSleep = `require('node:child_process').spawn('sleep', ['600'], { stdio: 'ignore' })`;
  const code = `require('node:fs').writeFileSync(process.argv[1], String(${spawnSleep}.pid)); setInterval(() => {}, 1000)`;
  const abort = new AbortController();
  const picture = capture([...script(code), pidFile], abort.signal);
  picture.catch(() => {});
  const pid = await vi.waitFor(async () => {
    const text = await readFile(pidFile, 'utf8');
    expect(text).not.toBe('');
    return Number(text);
  }, 10_000);
  abort.abort(new Error('cancelled'));
  await expect(picture).rejects.toThrow('cancelled');
  await vi.waitFor(async () => expect(await isRunning(pid)).toBe(false), 10_000);
  await rm(directory, { recursive: true });
});

it('leaves nothing behind, not even what moved to a session of its own', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'capture-'));
  const pidFile = join(directory, 'pid');
  // The helper is orphaned before the picture comes, as daemons of cameras are.
  const program = `(setsid sh -c 'echo $$ > ${pidFile}; exec sleep 600' < /dev/null > /dev/null 2>&1 &)
    while ! [ -s ${pidFile} ]; do sleep 0.01; done; printf '\\377\\330\\377'`;
  expect([...(await capture(['sh', '-c', program]))]).toEqual([0xff, 0xd8, 0xff]);
  const pid = Number(await readFile(pidFile, 'utf8'));
  await vi.waitFor(async () => expect(await isRunning(pid)).toBe(false), 10_000);
  await rm(directory, { recursive: true });
});

it('does not outlive a device that is killed with -9', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'capture-'));
  const [device, pidFile] = [join(directory, 'device.mjs'), join(directory, 'pid')];
  const source = new URL('../../../src/adapters/tools/capture-photo.ts', import.meta.url).pathname;
  await build({
    stdin: {
      contents: `import { createCaptureCommand } from ${JSON.stringify(source)};
        const command = ['sh', '-c', 'echo $$ > ${pidFile}; exec sleep 600'];
        createCaptureCommand({ command, env: process.env, clock: { setTimeout, clearTimeout } }).capturePhoto(new AbortController().signal);`,
      resolveDir: directory,
    },
    outfile: device,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  const running = spawn(process.execPath, [device], { stdio: 'ignore' });
  const pid = await vi.waitFor(async () => {
    const text = await readFile(pidFile, 'utf8');
    expect(text).not.toBe('');
    return Number(text);
  }, 10_000);
  running.kill('SIGKILL');
  await vi.waitFor(async () => expect(await isRunning(pid)).toBe(false), 10_000);
  await rm(directory, { recursive: true });
});

/** A zombie has ended; nobody in this test can reap a grandchild. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}

it('gives up after 15 s', async () => {
  const clock = new FakeClock();
  const picture = createCaptureCommand({
    command: script('setInterval(() => {}, 1000)'),
    env: process.env,
    clock,
  }).capturePhoto(never);
  picture.catch(() => {});
  clock.advance(15_000);
  await expect(picture).rejects.toMatchObject({ message: 'Failed to capture photo' });
  expect(clock.pendingTimers).toBe(0);
});
