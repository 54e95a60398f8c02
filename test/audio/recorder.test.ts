import { copyFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { createGrowingFile } from '../../src/adapters/recording/growing-file.ts';
import { createRecordingDirectory } from '../../src/adapters/recording/recording-directory.ts';
import { makePrivateDirectory } from '../../src/adapters/storage/private-directory.ts';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { FileRecorder, type FileRecorderParts, type RecordingEvent } from '../../src/audio/recorder.ts';
import { SharedMicrophone } from '../../src/audio/shared-microphone.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type { RecordingFiles } from '../../src/ports/recording-files.ts';
import { FakeMicrophone } from '../support/fake-microphone.ts';
import { readOgg } from '../support/ogg.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const codec = await loadOpusCodec();
const RATE_HZ = 16_000;
const lost = new ClientError(ErrorCode.audioDeviceLost, 'The microphone was pulled out.');
const limits = { maxMinutes: 60, maxFiles: 100, maxTotalMegabytes: 1000 };
const wanted = () => new AbortController().signal;

interface Setup extends Partial<FileRecorderParts> {
  readonly wrapFiles?: (files: RecordingFiles) => RecordingFiles;
}

/** A recorder on a real directory, with a microphone that hears what the test says. */
async function recorderWith({ wrapFiles = (files) => files, ...changed }: Setup = {}) {
  const directory = changed.directory ?? (await temporaryDirectory());
  const device = new FakeMicrophone(RATE_HZ);
  const shared = new SharedMicrophone(device);
  const events: RecordingEvent[] = [];
  let wallMs = new Date(2026, 2, 10, 12).getTime();
  const recorder = new FileRecorder({
    files: wrapFiles(createRecordingDirectory(directory, makePrivateDirectory)),
    directory,
    format: 'wav',
    limits,
    codec,
    wallClock: () => {
      wallMs += 1000;
      return wallMs;
    },
    openSource: () => ({ microphone: shared.handle(), hears: 'microphone fake' }),
    onEvent: (event) => events.push(event),
    ...changed,
  });
  const hear = (seconds: number, value = 1000) => {
    const chunk = new Int16Array(RATE_HZ / 50).fill(value);
    for (let i = 0; i < seconds * 50; i++) device.hear(chunk);
  };
  const told = () =>
    events.map(({ id, phase, seconds, reason }) => [id, phase, seconds, reason ?? ''].join(' ').trim());
  return { directory, device, shared, recorder, events, hear, told };
}

async function refusalOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: ClientError) => thrown,
  );
  return error === undefined ? 'resolved' : `${error.code}: ${error.message}`;
}

test('a recording is a WAV file of what was heard between start and stop', async () => {
  const { directory, device, recorder, events, hear } = await recorderWith();
  const file = join(directory, '2026-03-10T12-00-01.000-microphone-memo.wav');
  expect(await recorder.start('microphone', 'memo', wanted())).toEqual({
    id: 'memo',
    source: 'microphone',
    hears: 'microphone fake',
    file,
    seconds: 0,
  });
  hear(1.5);
  const end = { id: 'memo', source: 'microphone', file, seconds: 1.5 };
  expect(await recorder.stop('memo')).toEqual([end]);
  expect(await readWavFile(file)).toEqual({ sampleRateHz: RATE_HZ, pcm: new Int16Array(24_000).fill(1000) });
  expect(device.isOpen).toBe(false);
  expect(events).toEqual([
    { ...end, phase: 'started', seconds: 0 },
    { ...end, phase: 'stopped' },
  ]);
});

test('Ogg Opus files are whole, too', async () => {
  const { recorder, hear } = await recorderWith({ format: 'ogg' });
  const { file } = await recorder.start('microphone', undefined, wanted());
  hear(2.5);
  await recorder.stop();
  const last = readOgg(await readFile(file)).at(-1);
  expect({ flags: last?.flags, granule: last?.granule }).toEqual({ flags: 4, granule: 2.5 * 48_000 + 312 });
});

test('several run at once and each hears from its own start on; stop without id ends all', async () => {
  const { recorder, hear } = await recorderWith();
  const first = await recorder.start('microphone', undefined, wanted());
  hear(1);
  const second = await recorder.start('microphone', undefined, wanted());
  hear(1);
  expect((await recorder.status()).running).toEqual([
    { ...first, id: '1', seconds: 2 },
    { ...second, id: '2', seconds: 1 },
  ]);
  expect((await recorder.stop()).map(({ id, seconds }) => ({ id, seconds }))).toEqual([
    { id: '1', seconds: 2 },
    { id: '2', seconds: 1 },
  ]);
  expect((await readWavFile(second.file)).pcm.length).toBe(RATE_HZ);
});

test('it goes on beside another user of the microphone and ends without disturbing him', async () => {
  const { device, shared, recorder, hear } = await recorderWith();
  const conversation = shared.handle();
  let heard = 0;
  await conversation.start({
    onChunk: (pcm) => {
      heard += pcm.length;
    },
    onError: () => {},
  });
  await recorder.start('microphone', undefined, wanted());
  hear(1);
  await recorder.stop();
  hear(1);
  expect([heard, device.log]).toEqual([2 * RATE_HZ, ['start']]);
});

test('a copy made while it runs, as after a crash, lacks less than the last second', async () => {
  const { directory, recorder, hear } = await recorderWith();
  const { file } = await recorder.start('microphone', undefined, wanted());
  hear(2.5);
  const copy = join(directory, 'copy.wav');
  await vi.waitFor(async () => {
    await copyFile(file, copy);
    expect((await readWavFile(copy)).pcm.length).toBe(2 * RATE_HZ);
  });
  await recorder.stop();
});

test('the status names the newest files first', async () => {
  const { directory, recorder } = await recorderWith();
  for (const id of ['a', 'b']) {
    await recorder.start('microphone', id, wanted());
    await recorder.stop(id);
  }
  const status = await recorder.status();
  expect({ ...status, newest: status.newest.map(({ file, bytes }) => `${basename(file)} ${bytes}`) }).toEqual(
    {
      running: [],
      newest: ['2026-03-10T12-00-02.000-microphone-b.wav 44', '2026-03-10T12-00-01.000-microphone-a.wav 44'],
      files: 2,
      directory,
    },
  );
});

test('an id that runs is not started again, also not while the first is starting', async () => {
  const { recorder } = await recorderWith();
  const first = recorder.start('microphone', 'memo', wanted());
  const refusal =
    'CONFLICT: A recording with the id memo is running already. Stop it first, or choose another id.';
  expect(await refusalOf(recorder.start('microphone', 'memo', wanted()))).toBe(refusal);
  await first;
  expect(await refusalOf(recorder.start('microphone', 'memo', wanted()))).toBe(refusal);
  await recorder.stop();
});

test('an id that does not run cannot be stopped, and the answer names those that do', async () => {
  const { recorder } = await recorderWith();
  expect(await refusalOf(recorder.stop())).toBe('NOT_FOUND: Nothing is being recorded.');
  await recorder.start('microphone', 'memo', wanted());
  expect(await refusalOf(recorder.stop('nemo'))).toBe(
    'NOT_FOUND: There is no recording with the id nemo; running are memo.',
  );
  await recorder.stop();
});

test('an id that is no part of a file name is refused', async () => {
  const { recorder } = await recorderWith();
  expect(await refusalOf(recorder.start('microphone', '../../etc', wanted()))).toBe(
    'TOOL_ARGUMENTS_INVALID: The id of a recording has 1 to 32 letters, digits, "-" and "_".',
  );
});

test('the ninth at once is refused', async () => {
  const { recorder } = await recorderWith();
  for (let i = 0; i < 8; i++) await recorder.start('microphone', undefined, wanted());
  expect(await refusalOf(recorder.start('microphone', undefined, wanted()))).toBe(
    'CONFLICT: 8 recordings are running, which is the most. Stop one first.',
  );
  await recorder.stop();
});

test('a recording ends by itself when it is as long as is allowed, and not a sample later', async () => {
  const { recorder, hear, told } = await recorderWith({ limits: { ...limits, maxMinutes: 2.01 / 60 } });
  const { file } = await recorder.start('microphone', undefined, wanted());
  hear(3);
  await vi.waitFor(() => expect(told()).toHaveLength(2));
  expect(told()).toEqual([
    '1 started 0',
    '1 stopped 2 It has reached 2 seconds, the longest that is allowed.',
  ]);
  expect((await readWavFile(file)).pcm.length).toBe(32_160);
  expect(await refusalOf(recorder.stop('1'))).toBe('NOT_FOUND: Nothing is being recorded.');
});

test('a limit that is reached while the microphone is still opening is told after the beginning', async () => {
  const { device, recorder, hear, told } = await recorderWith({ limits: { ...limits, maxMinutes: 1 / 60 } });
  let open = () => {};
  device.starting = new Promise((resolve) => {
    open = resolve;
  });
  const started = recorder.start('microphone', undefined, wanted());
  await vi.waitFor(() => expect(device.isOpen).toBe(true));
  hear(2);
  open();
  await started;
  expect(told()).toEqual([
    '1 started 0',
    '1 stopped 1 It has reached 1 second, the longest that is allowed.',
  ]);
});

test('a microphone that is pulled out while it is opening leaves nothing behind', async () => {
  const { directory, device, recorder, hear, told } = await recorderWith();
  let open = () => {};
  device.starting = new Promise((resolve) => {
    open = resolve;
  });
  const started = refusalOf(recorder.start('microphone', undefined, wanted()));
  await vi.waitFor(() => expect(device.isOpen).toBe(true));
  hear(1);
  device.lose(lost);
  open();
  expect(await started).toBe('AUDIO_DEVICE_LOST: The microphone was pulled out.');
  expect([told(), await readdir(directory)]).toEqual([[], []]);
});

test('no file grows beyond what other programs can read', async () => {
  const { recorder, hear, told } = await recorderWith({
    limits: { ...limits, maxTotalMegabytes: 1_000_000 },
    wrapFiles: (files) => ({
      ...files,
      create: async (name) => {
        const file = await files.create(name);
        return Object.defineProperty(file, 'bytes', { value: 2_000_000_000 });
      },
    }),
  });
  await recorder.start('microphone', undefined, wanted());
  hear(1);
  await vi.waitFor(() => expect(told()).toHaveLength(2));
  expect(told()[1]).toBe('1 stopped 0 It has reached 2 GB, the most a file may have.');
});

test('with as many files as may be kept none is begun, and none is deleted', async () => {
  const { directory, recorder } = await recorderWith({ limits: { ...limits, maxFiles: 2 } });
  const refusal = `TOOL_FAILED: There are 2 recordings in ${directory}, which is the most. Delete some, or raise recordings.maxFiles.`;
  const starts = ['a', 'b', 'c'].map((id) => refusalOf(recorder.start('microphone', id, wanted())));
  expect(await Promise.all(starts)).toEqual(['resolved', 'resolved', refusal]);
  await recorder.stop();
  expect(await refusalOf(recorder.start('microphone', 'd', wanted()))).toBe(refusal);
  expect(await readdir(directory)).toHaveLength(2);
});

test('all recordings together take no more room than is allowed', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'old.wav'), new Uint8Array(50_000));
  const few = { ...limits, maxTotalMegabytes: 0.15 };
  const { recorder, hear, told } = await recorderWith({ directory, limits: few });
  await recorder.start('microphone', undefined, wanted());
  await recorder.start('microphone', undefined, wanted());
  hear(3);
  await vi.waitFor(() => expect(told()).toHaveLength(4));
  const full = `The recordings in ${directory} take 0.15 MB, which is the most. Delete some, or raise recordings.maxTotalMegabytes.`;
  expect(told().slice(2).sort()).toEqual([`1 stopped 2 ${full}`, `2 stopped 2 ${full}`]);
  expect(await refusalOf(recorder.start('microphone', undefined, wanted()))).toBe(`TOOL_FAILED: ${full}`);
  await rm(join(directory, 'old.wav'));
  expect((await recorder.start('microphone', undefined, wanted())).id).toBe('1');
  await recorder.stop();
});

test('what was finished meanwhile and what is being written each count once', async () => {
  const few = { ...limits, maxTotalMegabytes: 0.15 };
  const { recorder, hear, told } = await recorderWith({ limits: few });
  const { file } = await recorder.start('microphone', 'a', wanted());
  hear(3);
  // On the disk, too.
  await vi.waitFor(async () => expect((await readWavFile(file)).pcm.length).toBe(3 * RATE_HZ));
  await recorder.start('microphone', 'b', wanted());
  await recorder.stop('a');
  hear(1);
  expect((await recorder.status()).running.map(({ id }) => id)).toEqual(['b']);
  hear(1);
  await vi.waitFor(() => expect(told()).toHaveLength(4));
  expect(told()[3]).toMatch(/^b stopped 2 The recordings in .* take 0.15 MB/);
});

test('a microphone that is pulled out ends the recording, and the file holds what was heard', async () => {
  const { device, recorder, hear, told } = await recorderWith();
  const { file } = await recorder.start('microphone', undefined, wanted());
  hear(1.2);
  device.lose(lost);
  await vi.waitFor(() => expect(told()).toHaveLength(2));
  expect(told()[1]).toBe('1 failed 1.2 The microphone was pulled out.');
  expect((await readWavFile(file)).pcm.length).toBe(1.2 * RATE_HZ);
});

test('a microphone that cannot be opened leaves no file, no event and no id behind', async () => {
  const { directory, device, recorder, events } = await recorderWith();
  device.failure = lost;
  expect(await refusalOf(recorder.start('microphone', 'memo', wanted()))).toBe(
    'AUDIO_DEVICE_LOST: The microphone was pulled out.',
  );
  expect([await readdir(directory), events, device.isOpen]).toEqual([[], [], false]);
  await recorder.start('microphone', 'memo', wanted());
  await recorder.stop();
});

test('a directory that cannot be written refuses before the microphone is opened', async () => {
  const place = join(await temporaryDirectory(), 'file');
  await writeFile(place, '');
  const { device, recorder } = await recorderWith({ directory: join(place, 'recordings') });
  expect(await refusalOf(recorder.start('microphone', undefined, wanted()))).toMatch(
    /^STATE_UNWRITABLE: Recordings cannot be kept in .* \(ENOTDIR\)\. Make it a directory you may write to/,
  );
  expect(device.log).toEqual([]);
});

test('a disk that is full ends the recording with a sentence and closes the microphone', async () => {
  const { recorder, device, hear, told } = await recorderWith({ wrapFiles: onFullDisk });
  await recorder.start('microphone', undefined, wanted());
  hear(1);
  await vi.waitFor(() => expect(told()).toHaveLength(2));
  expect(told()[1]).toMatch(
    /^1 failed 1 The recording .* ended early \(ENOSPC: .*\)\. Make room on the disk/,
  );
  expect(device.isOpen).toBe(false);
});

test('who stops is told that the disk did not take everything', async () => {
  const { recorder, hear } = await recorderWith({ wrapFiles: onFullDisk });
  await recorder.start('microphone', undefined, wanted());
  hear(0.5);
  const [end] = await recorder.stop();
  expect(end?.reason).toMatch(/ended early \(ENOSPC/);
});

/** Real writes into /dev/full. */
function onFullDisk(files: RecordingFiles): RecordingFiles {
  return {
    ...files,
    create: async () => createGrowingFile(await open('/dev/full', 'w'), '/recordings/a.wav'),
  };
}

test('a start nobody waits for any more records nothing', async () => {
  const { device, recorder, told } = await recorderWith();
  expect(await refusalOf(recorder.start('microphone', undefined, AbortSignal.abort()))).toBe(
    'TOOL_FAILED: The recording was taken back before it began.',
  );
  expect([device.isOpen, told()]).toEqual([false, ['1 started 0', '1 stopped 0']]);
});

test('at exit all files are completed, and nothing can be started any more', async () => {
  const { device, recorder, hear } = await recorderWith();
  const { file } = await recorder.start('microphone', undefined, wanted());
  hear(0.5);
  const starting = refusalOf(recorder.start('microphone', 'late', wanted()));
  await recorder.close();
  expect((await readWavFile(file)).pcm.length).toBe(RATE_HZ / 2);
  expect(await starting).toBe('TOOL_FAILED: The recording was taken back before it began.');
  expect(await refusalOf(recorder.start('microphone', undefined, wanted()))).toBe(
    'TOOL_FAILED: The device is ending.',
  );
  expect(device.isOpen).toBe(false);
});

test('files that are no recordings, and directories, do not count', async () => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, 'notes.txt'), '');
  await mkdir(join(directory, 'old.wav'));
  const { recorder } = await recorderWith({ directory, limits: { ...limits, maxFiles: 1 } });
  await recorder.start('microphone', undefined, wanted());
  expect((await recorder.status()).files).toBe(1);
  await recorder.close();
});
