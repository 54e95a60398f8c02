import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseWav } from '../../src/adapters/audio/wav-file.ts';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { createEndpointer } from '../../src/audio/endpointer.ts';
import { concat, cut, noise, tone } from '../support/signals.ts';

const FIXTURE = new URL('../fixtures/speech-two-turns.wav', import.meta.url);

interface Edge {
  readonly edge: 'started' | 'ended';
  readonly atMs: number;
}

/** Edges with the time, in ms of sound pushed, at which they were told. */
function edgesOf(pcm: Int16Array, lengths = [160], hangoverMs = 600): Edge[] {
  const edges: Edge[] = [];
  let samples = 0;
  const tell = (edge: Edge['edge']) => edges.push({ edge, atMs: Math.round(samples / 16) });
  const endpointer = createEndpointer({
    sampleRateHz: 16_000,
    hangoverMs,
    minSpeechMs: 100,
    onSpeechStarted: () => tell('started'),
    onSpeechEnded: () => tell('ended'),
  });
  for (const chunk of cut(pcm, lengths)) {
    samples += chunk.length;
    endpointer.push(chunk);
  }
  return edges;
}

async function speech(): Promise<Int16Array> {
  return parseWav(await readFile(FIXTURE), 'fixture').pcm;
}

/** The recording: 0.4 s of silence, a sentence, 5.5 s of silence, a sentence, 1 s of silence. */
function expectTwoTurns(edges: Edge[], totalMs: number): void {
  expect(edges.map(({ edge }) => edge)).toEqual(['started', 'ended', 'started', 'ended']);
  const [first, firstEnd, second, secondEnd] = edges.map(({ atMs }) => atMs) as [
    number,
    number,
    number,
    number,
  ];
  expect(first).toBeGreaterThan(400);
  expect(first).toBeLessThan(750);
  expect(second - firstEnd).toBeGreaterThan(5_500 - 700);
  expect(second - firstEnd).toBeLessThan(5_500 - 600 + 400);
  expect(totalMs - secondEnd).toBeGreaterThan(250);
  expect(totalMs - secondEnd).toBeLessThan(500);
}

test('two sentences in digital silence are two turns', async () => {
  const pcm = await speech();
  expectTwoTurns(edgesOf(pcm), pcm.length / 16);
});

test('so they are after Opus with DTX, which fills the pauses with its own noise', async () => {
  const pcm = await speech();
  const codec = await loadOpusCodec();
  const encoder = codec.createEncoder({
    sampleRateHz: 16_000,
    frameDurationMs: 60,
    complexity: 0,
    variableBitrate: true,
    discontinuousTransmission: true,
  });
  const decoder = codec.createDecoder(16_000);
  const frames = cut(pcm, [960]).filter((frame) => frame.length === 960);
  const decoded = concat(frames.map((frame) => decoder.decode(encoder.encode(frame))));
  expectTwoTurns(edgesOf(decoded), pcm.length / 16);
});

test('so they are in the steady noise of a fan', async () => {
  const pcm = await speech();
  const fan = noise(pcm.length, 0.004);
  const noisy = Int16Array.from(pcm, (sample, i) => sample + (fan[i] as number));
  expectTwoTurns(edgesOf(noisy), pcm.length / 16);
});

test('the edges do not depend on how the sound is cut', async () => {
  const pcm = (await speech()).subarray(0, 16_000 * 4);
  const edges = edgesOf(pcm).map(({ edge }) => edge);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 5 }), (lengths) => {
      expect(edgesOf(pcm, lengths).map(({ edge }) => edge)).toEqual(edges);
    }),
    { numRuns: 10 },
  );
});

test('silence and a click are no turn', () => {
  const click = concat([new Int16Array(16_000), noise(320, 0.9), new Int16Array(32_000)]);
  expect(edgesOf(click)).toEqual([]);
});

test('a hiss just above digital silence is no turn', () => {
  expect(edgesOf(concat([new Int16Array(32_000), noise(32_000, 0.002)]))).toEqual([]);
});

test('a vowel held for six seconds is one turn', () => {
  const edges = edgesOf(
    concat([new Int16Array(16_000), tone(150, 16_000, 6_000, 0.2), new Int16Array(16_000)]),
  );
  expect(edges.map(({ edge }) => edge)).toEqual(['started', 'ended']);
  expect(edges[1]?.atMs).toBe(1_000 + 6_000 + 600);
});

test('noise that begins and stays is a turn at first, then the new silence', () => {
  const edges = edgesOf(concat([new Int16Array(16_000), noise(16_000 * 40, 0.02)]));
  expect(edges.map(({ edge }) => edge)).toEqual(['started', 'ended']);
});

test('a reset forgets a turn that has begun', () => {
  const edges: string[] = [];
  const endpointer = createEndpointer({
    sampleRateHz: 16_000,
    hangoverMs: 200,
    minSpeechMs: 50,
    onSpeechStarted: () => edges.push('started'),
    onSpeechEnded: () => edges.push('ended'),
  });
  endpointer.push(noise(8_000));
  endpointer.reset();
  endpointer.push(new Int16Array(16_000));
  expect(edges).toEqual(['started']);
});

test('a turn that is in doubt begins when it is certain, and not at all when it ends before', () => {
  const started: number[] = [];
  let asked = 0;
  let certainAfter = 5;
  let pushedMs = 0;
  const endpointer = createEndpointer({
    sampleRateHz: 16_000,
    hangoverMs: 600,
    minSpeechMs: 100,
    detector: { isSpeech: (frame) => frame[0] !== 0, reset: () => {} },
    isCertain: () => {
      asked += 1;
      return asked > certainAfter;
    },
    onSpeechStarted: () => started.push(pushedMs),
    onSpeechEnded: () => {},
  });
  const push = (sample: number, ms: number) => {
    for (let at = 0; at < ms; at += 10) {
      pushedMs += 10;
      endpointer.push(new Int16Array(160).fill(sample));
    }
  };
  push(1, 140);
  expect(started).toEqual([]);
  push(1, 50);
  expect(started).toEqual([150]);

  endpointer.reset();
  certainAfter = Number.POSITIVE_INFINITY;
  push(1, 1_000);
  push(0, 200);
  const before = asked;
  push(1, 90);
  expect(asked).toBe(before);
  expect(started).toEqual([150]);
});
