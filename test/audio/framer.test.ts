import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationMs, samplesPerFrame } from '../../src/audio/format.ts';
import { Framer } from '../../src/audio/framer.ts';
import { concat, cut, noise } from '../support/signals.ts';

test('a frame of 60 ms has 960 samples at 16 kHz, and the other way round', () => {
  expect(samplesPerFrame(16_000, 60)).toBe(960);
  expect(samplesPerFrame(8_000, 2.5)).toBe(20);
  expect(durationMs(1_440, 24_000)).toBe(60);
});

test('chunks of any size come out as the same samples in exact frames', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 400 }),
      fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 8 }),
      (frameLength, samples, lengths) => {
        const pcm = noise(samples);
        const frames: Int16Array[] = [];
        const framer = new Framer(frameLength, (frame) => frames.push(frame.slice()));
        for (const chunk of cut(pcm, lengths)) framer.push(chunk);
        const whole = Math.floor(samples / frameLength);
        expect(frames.map((frame) => frame.length)).toEqual(new Array(whole).fill(frameLength));
        expect(concat(frames)).toEqual(pcm.slice(0, whole * frameLength));
        expect(framer.reset()).toBe(samples - whole * frameLength);
      },
    ),
  );
});

test('the frame is lent: one array serves all', () => {
  const seen = new Set<Int16Array>();
  const framer = new Framer(4, (frame) => seen.add(frame));
  framer.push(noise(40));
  expect(seen.size).toBe(1);
});

test('a reset forgets the partial frame and says how much it held', () => {
  const frames: number[][] = [];
  const framer = new Framer(3, (frame) => frames.push([...frame]));
  framer.push(Int16Array.of(1, 2));
  expect(framer.reset()).toBe(2);
  framer.push(Int16Array.of(7, 8, 9));
  expect(frames).toEqual([[7, 8, 9]]);
});

test('a reset from within a frame, as when a gate closes, does not lose the rest of the chunk', () => {
  const frames: number[][] = [];
  const framer = new Framer(2, (frame) => {
    frames.push([...frame]);
    expect(framer.reset()).toBe(0);
  });
  framer.push(Int16Array.of(1, 2, 3, 4, 5));
  expect(frames).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(framer.reset()).toBe(1);
});
