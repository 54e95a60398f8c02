import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { microphoneOf } from '../../../src/adapters/audio/capture.ts';
import { createRecordCapture } from '../../../src/adapters/audio/microphone-lpcm16.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { microphoneContract } from '../../contract/microphone.contract.ts';

// The recording program is played by a shell script, so that the child process, its pipe and its end are real.
const SYSTEM_PATH = process.env.PATH;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recorder-'));
});
afterAll(() => rm(directory, { recursive: true }));
afterEach(() => {
  process.env.PATH = SYSTEM_PATH;
});

/** Puts an `arecord` on the PATH, in front of or instead of everything else. */
async function install(script: string, onlyThis = false): Promise<void> {
  const path = join(directory, 'arecord');
  await writeFile(
    path,
    `#!/bin/sh\necho $$ > ${directory}/pid\necho "$@" > ${directory}/arguments\n${script}\n`,
  );
  await chmod(path, 0o755);
  process.env.PATH = onlyThis ? directory : `${directory}:${SYSTEM_PATH}`;
}

const ENDLESS = 'exec cat /dev/zero';
/** No sound server and no card: only what `install` put on the PATH. */
const create = (device?: string) =>
  microphoneOf(
    createRecordCapture({
      clock: monotonicClock,
      device,
      surroundings: { env: { PATH: process.env.PATH }, alsaDirectory: '/nowhere', platform: 'linux' },
    }),
  );

/** Resolves when the first sound, or the first error, comes. */
function listening() {
  const errors: ClientError[] = [];
  let heardSamples = 0;
  let tell = () => {};
  const failed = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const onChunk = (pcm: Int16Array) => {
    heardSamples += pcm.length;
  };
  const onError = (error: ClientError) => {
    errors.push(error);
    tell();
  };
  return { sink: { onChunk, onError }, errors, failed, heard: () => heardSamples };
}

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Unlike `alive` false for one that has ended and that nobody has asked about. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ') X');
  return !/\) [ZX]/.test(stat);
}

describe('with a program that records', () => {
  microphoneContract(async () => {
    await install(ENDLESS);
    const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms / 10));
    return { microphone: create(), pass, exact: false };
  });
});

test('raw 16 kHz mono is asked for, from the device that was named', async () => {
  await install(ENDLESS);
  const microphone = create('plughw:1,0');
  await microphone.start(listening().sink);
  await microphone.stop();
  const given = (await readFile(join(directory, 'arguments'), 'utf8')).trim();
  expect(given).toBe(
    '-D plughw:1,0 -q -t raw -f S16_LE -c 1 -r 16000 --period-time=20000 --buffer-time=200000',
  );
  expect(microphone).toMatchObject({ name: 'record:plughw:1,0', sampleRateHz: 16_000 });
});

test('stop leaves no process behind, even one that ignores being asked', async () => {
  await install('trap "" TERM\nwhile :; do echo sound; done');
  const microphone = create();
  await microphone.start(listening().sink);
  const pid = Number(await readFile(join(directory, 'pid'), 'utf8'));
  expect(alive(pid)).toBe(true);
  await microphone.stop();
  expect(alive(pid)).toBe(false);
});

test('a program that is a script takes with it what it started', async () => {
  await install(`sleep 60 &\necho $! > ${directory}/started\nexec cat /dev/zero`);
  const microphone = create();
  await microphone.start(listening().sink);
  const started = Number(await readFile(join(directory, 'started'), 'utf8'));
  expect(await isRunning(started)).toBe(true);
  await microphone.stop();
  await vi.waitFor(async () => expect(await isRunning(started)).toBe(false));
});

test('a program that is killed while what it started goes on recording leaves nothing behind either', async () => {
  await install(`cat /dev/zero &\necho $! > ${directory}/started\nwait`);
  const microphone = create();
  await microphone.start(listening().sink);
  const started = Number(await readFile(join(directory, 'started'), 'utf8'));
  process.kill(Number(await readFile(join(directory, 'pid'), 'utf8')), 'SIGKILL');
  await microphone.stop();
  await vi.waitFor(async () => expect(await isRunning(started)).toBe(false));
});

test('without any recording program the error names the Debian package', async () => {
  process.env.PATH = '/nowhere';
  await expect(create().start(listening().sink)).rejects.toMatchObject({
    code: 'AUDIO_BACKEND_MISSING',
    message: expect.stringContaining('apt install alsa-utils'),
  });
});

test('a card that another program holds comes with what to do about it', async () => {
  await install('echo "arecord: main:830: audio open error: Device or resource busy" >&2; exit 1');
  await expect(create().start(listening().sink)).rejects.toMatchObject({
    code: 'AUDIO_DEVICE_MISSING',
    message: expect.stringContaining('fuser -v /dev/snd/*'),
  });
});

test('a program that fails at once fails the start, with its own words', async () => {
  await install('echo "arecord: main:830: audio open error: No such file or directory" >&2; exit 1');
  await expect(create().start(listening().sink)).rejects.toMatchObject({
    code: 'AUDIO_DEVICE_MISSING',
    message: expect.stringMatching(/arecord ended with 1.*audio open error/),
  });
});

test('a microphone that only stops sending, as when its sound server died, is lost after two seconds', async () => {
  await install('head -c 32000 /dev/zero; exec sleep 60');
  const microphone = create();
  const { sink, errors, failed } = listening();
  await microphone.start(sink);
  const pid = Number(await readFile(join(directory, 'pid'), 'utf8'));
  await failed;
  expect(errors).toMatchObject([
    { code: 'AUDIO_DEVICE_LOST', message: expect.stringContaining('no sound comes any more') },
  ]);
  await microphone.stop();
  expect(alive(pid)).toBe(false);
});

test('overruns that ALSA tells of are counted, and are no loss', async () => {
  await install('echo "overrun!!! (at least 12.3 ms long)" >&2; exec cat /dev/zero');
  const microphone = create();
  const { sink, errors } = listening();
  await microphone.start(sink);
  while (microphone.xruns === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect([microphone.xruns, errors]).toEqual([1, []]);
  await microphone.stop();
});

test('a microphone that is unplugged later is reported once', async () => {
  await install('head -c 32000 /dev/zero; sleep 0.2; exit 1');
  const microphone = create();
  const { sink, errors, failed, heard } = listening();
  await microphone.start(sink);
  await failed;
  expect(heard()).toBe(16_000);
  expect(errors).toMatchObject([{ code: 'AUDIO_DEVICE_LOST', retryable: true }]);
  await microphone.stop();
});
