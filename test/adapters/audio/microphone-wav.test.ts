import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWavMicrophone } from '../../../src/adapters/audio/microphone-wav.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { concat, noise } from '../../support/signals.ts';
import { buildWav } from '../../support/wav.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'microphone-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function recording(pcm: Int16Array, sampleRateHz = 16_000) {
  const path = join(directory, `${pcm.length}-${sampleRateHz}.wav`);
  await writeFile(path, buildWav(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength), { sampleRateHz }));
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  const heard: Int16Array[] = [];
  const sink = { onChunk: (chunk: Int16Array) => void heard.push(chunk.slice()), onError: () => {} };
  return { microphone: createWavMicrophone(path, { pacer }), clock, pacer, heard, sink };
}

test('the recording comes in frames of the pacer, then silence without end', async () => {
  const pcm = noise(2_000);
  const { microphone, clock, heard, sink } = await recording(pcm);
  await microphone.start(sink);
  clock.advance(240);
  expect(heard.map((chunk) => chunk.length)).toEqual([960, 960, 960, 960]);
  expect(concat(heard)).toEqual(concat([pcm, new Int16Array(4 * 960 - 2_000)]));
});

test('while stopped the tape stands still', async () => {
  const pcm = noise(4_800);
  const { microphone, clock, heard, sink } = await recording(pcm);
  await microphone.start(sink);
  clock.advance(120);
  await microphone.stop();
  clock.advance(10_000);
  await microphone.start(sink);
  clock.advance(180);
  expect(concat(heard)).toEqual(pcm);
});

test('started in the middle of a period it hears only what is left of it', async () => {
  const { microphone, clock, pacer, heard, sink } = await recording(noise(4_800));
  pacer.add('playback', () => {});
  clock.advance(25);
  await microphone.start(sink);
  clock.advance(95);
  expect(heard.map((chunk) => chunk.length)).toEqual([560, 960]);
});

test('a rate that gives no whole samples per period loses none', async () => {
  const pcm = noise(11_025);
  const { microphone, clock, heard, sink } = await recording(pcm, 11_025);
  await microphone.start(sink);
  clock.advance(1_020);
  expect(concat(heard).subarray(0, 11_025)).toEqual(pcm);
  expect(concat(heard).length).toBe(Math.round(11_025 * 1.02));
});

test('a missing file fails the start, with the reason', async () => {
  const microphone = createWavMicrophone('/nowhere/x.wav', { pacer: createPacer(new FakeClock(), 60) });
  const error = await microphone
    .start({ onChunk: () => {}, onError: () => {} })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'AUDIO_FILE_INVALID' });
});
