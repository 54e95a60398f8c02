import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { createWavLoudspeaker } from '../../../src/adapters/audio/loudspeaker-wav.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { parseWav } from '../../../src/adapters/audio/wav-file.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { concat, cut, noise } from '../../support/signals.ts';

vi.mock('node:fs', { spy: true });

const RATE_HZ = 24_000;
const FRAME = 1_440;
const directory = mkdtempSync(join(tmpdir(), 'loudspeaker-'));
afterAll(() => rmSync(directory, { recursive: true }));

let path: string;
let clock: FakeClock;
let files = 0;
beforeEach(() => {
  files += 1;
  path = join(directory, `${files}.wav`);
  clock = new FakeClock();
});

const create = (file = path) => createWavLoudspeaker(file, { pacer: createPacer(clock, 60) });
const recorded = () => parseWav(readFileSync(path), path).pcm;
const ignore = () => {};

/** Plays as the downlink does: one frame after the other, waiting for each, and at the end until it has been heard. */
async function play(speaker: ReturnType<typeof create>, pcm: Int16Array): Promise<void> {
  let playing = true;
  const done = (async () => {
    for (const frame of cut(pcm, [FRAME])) await speaker.write(frame);
    playing = false;
  })();
  while (playing) await clock.advanceAsync(10);
  await done;
  await clock.advanceAsync(speaker.pendingMs());
}

test('an answer is in the file to its last sample as soon as it has been heard', async () => {
  const speaker = create();
  const answer = noise(20 * FRAME + 333);
  await speaker.start(ignore);
  await play(speaker, answer);
  expect(speaker.pendingMs()).toBe(0);
  expect(recorded()).toEqual(answer);
  await speaker.stop();
  expect(recorded()).toEqual(answer);
});

test('two answers follow each other without the minute between them', async () => {
  const speaker = create();
  const answers = [noise(5 * FRAME), noise(4 * FRAME, 0.5, 2)];
  await speaker.start(ignore);
  for (const answer of answers) {
    await play(speaker, answer);
    await clock.advanceAsync(60_000);
  }
  expect(recorded()).toEqual(concat(answers));
  expect(clock.pendingTimers).toBe(0);
});

test('a gap in an answer is in the file as the silence that was heard', async () => {
  const speaker = create();
  await speaker.start(ignore);
  await play(speaker, noise(FRAME));
  await clock.advanceAsync(250);
  await play(speaker, noise(FRAME, 0.5, 2));
  const silence = new Int16Array(RATE_HZ / 4);
  expect(recorded()).toEqual(concat([noise(FRAME), silence, noise(FRAME, 0.5, 2)]));
});

test('a write that is a moment late leaves no gap, as a sound card would not', async () => {
  const speaker = create();
  await speaker.start(ignore);
  await play(speaker, noise(FRAME));
  await clock.advanceAsync(30);
  await play(speaker, noise(FRAME, 0.5, 2));
  expect(recorded()).toEqual(concat([noise(FRAME), noise(FRAME, 0.5, 2)]));
});

test('flush takes back what had not been heard, and what comes next goes there', async () => {
  const speaker = create();
  const answer = noise(2 * FRAME);
  await speaker.start(ignore);
  void speaker.write(answer.slice(0, FRAME));
  void speaker.write(answer.slice(FRAME));
  await clock.advanceAsync(75);
  speaker.flush();
  const heard = answer.slice(0, RATE_HZ * 0.075);
  expect(recorded()).toEqual(heard);
  expect(readFileSync(path).length).toBe(44 + heard.byteLength);
  await play(speaker, noise(FRAME, 0.5, 2));
  expect(recorded()).toEqual(concat([heard, noise(FRAME, 0.5, 2)]));
});

test('the file is a complete WAV after every write, for those who pull the plug', async () => {
  const speaker = create();
  await speaker.start(ignore);
  for (let frames = 1; frames <= 3; frames++) {
    void speaker.write(noise(FRAME));
    expect(recorded().length).toBe(frames * FRAME);
    expect(readFileSync(path).readUInt32LE(40)).toBe(frames * FRAME * 2);
  }
});

test('a new loudspeaker begins the file anew; one that is started again goes on', async () => {
  writeFileSync(path, 'something old, longer than a header'.repeat(100));
  const speaker = create();
  await speaker.start(ignore);
  await play(speaker, noise(FRAME));
  await speaker.stop();
  await speaker.start(ignore);
  await play(speaker, noise(FRAME, 0.5, 2));
  await speaker.stop();
  expect(recorded()).toEqual(concat([noise(FRAME), noise(FRAME, 0.5, 2)]));
});

test.each([
  ['a directory that does not exist', '/nowhere/out.wav'],
  ['a directory', directory],
  ['a device', '/dev/null'],
])('%s fails the start, with what to do', async (_, file) => {
  const error = await create(file)
    .start(ignore)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'AUDIO_DEVICE_MISSING',
    message: expect.stringMatching(/cannot be created \(.*\)\. Choose a directory that exists/),
  });
});

test('a disk that fills up is told once, writers go on, and the file stays valid', async () => {
  const speaker = create();
  const errors: ClientError[] = [];
  await speaker.start((error) => errors.push(error));
  await play(speaker, noise(FRAME));
  vi.mocked(fs.writeSync).mockImplementationOnce(() => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
  await speaker.write(noise(FRAME));
  await speaker.write(noise(FRAME));
  expect(errors.map(({ code }) => code)).toEqual(['AUDIO_DEVICE_LOST']);
  expect(errors[0]?.message).toMatch(/no space left on device.*Make room/);
  expect(recorded()).toEqual(noise(FRAME));
  expect(speaker.pendingMs()).toBe(0);
  await speaker.stop();
});
