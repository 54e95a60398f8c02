import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createResampler } from '../../src/audio/resampler.ts';
import { concat, cut, noise, tone, toneLevelDb } from '../support/signals.ts';

const RATIOS: readonly (readonly [number, number])[] = [
  [44_100, 16_000],
  [48_000, 24_000],
  [48_000, 16_000],
  [24_000, 44_100],
  [16_000, 24_000],
  [16_000, 48_000],
  [11_025, 16_000],
];

/** The settled part: without the filter's delay at the beginning. */
function resampled(pcm: Int16Array, fromHz: number, toHz: number): Int16Array {
  return createResampler(fromHz, toHz)
    .push(pcm)
    .slice(Math.ceil(toHz / 50));
}

describe.each(RATIOS)('%i Hz to %i Hz', (fromHz, toHz) => {
  const lowerHz = Math.min(fromHz, toHz);

  test.each([0.01, 0.1, 0.2, 0.3, 0.4])('a tone at %f of the lower rate passes within 0.1 dB', (share) => {
    const level = toneLevelDb(
      resampled(tone(share * lowerHz, fromHz, 400), fromHz, toHz),
      share * lowerHz,
      toHz,
    );
    expect(Math.abs(level - 20 * Math.log10(0.5))).toBeLessThan(0.1);
  });

  test.each([0.005, 0.05, 0.1])('%f beyond Nyquist, what folds back or images is 60 dB down', (share) => {
    const inputHz = (toHz < fromHz ? 0.5 + share : 0.5 - share) * lowerHz;
    const unwantedHz = toHz < fromHz ? toHz - inputHz : fromHz - inputHz;
    const output = resampled(tone(inputHz, fromHz, 400), fromHz, toHz);
    expect(toneLevelDb(output, unwantedHz, toHz)).toBeLessThan(-66);
  });

  test('a constant stays the same constant', () => {
    const output = resampled(new Int16Array(fromHz).fill(12_345), fromHz, toHz);
    expect(new Set(output)).toEqual(new Set([12_345]));
  });

  test('however the stream is cut, the output is the same', () => {
    const pcm = noise(3_000);
    const whole = createResampler(fromHz, toHz).push(pcm);
    expect(whole.length).toBe(Math.ceil((pcm.length * toHz) / fromHz));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 1, maxLength: 6 }), (lengths) => {
        const resampler = createResampler(fromHz, toHz);
        expect(concat(cut(pcm, lengths).map((chunk) => resampler.push(chunk)))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });
});

test('ten minutes in frames of 60 ms do not drift by a sample', () => {
  const resampler = createResampler(11_025, 16_000);
  const second = noise(11_025);
  let out = 0;
  for (let i = 0; i < 600; i++)
    for (const chunk of cut(second, [661, 662])) out += resampler.push(chunk).length;
  expect(out).toBe(600 * 16_000);
});

test('chunks longer than the inner block are converted whole', () => {
  const pcm = noise(48_000);
  const resampler = createResampler(48_000, 16_000);
  const pieces = cut(pcm, [480]).map((chunk) => resampler.push(chunk));
  expect(createResampler(48_000, 16_000).push(pcm)).toEqual(concat(pieces));
});

test('equal rates cost nothing: the same array comes back', () => {
  const pcm = noise(10);
  expect(createResampler(16_000, 16_000).push(pcm)).toBe(pcm);
});

test('full-scale input saturates instead of wrapping round', () => {
  const square = Int16Array.from({ length: 4_800 }, (_, i) => (i % 96 < 48 ? 32_767 : -32_768));
  const output = resampled(square, 48_000, 16_000);
  const jumps = [...output].filter((sample, i) => i > 0 && Math.abs(sample - (output[i - 1] ?? 0)) > 60_000);
  expect(Math.max(...output)).toBe(32_767);
  expect(jumps).toEqual([]);
});

test('a reset begins another stream', () => {
  const resampler = createResampler(44_100, 16_000);
  const pcm = noise(1_000);
  const first = resampler.push(pcm);
  resampler.push(noise(777, 0.5, 2));
  resampler.reset();
  expect(resampler.push(pcm)).toEqual(first);
});

test('a rate that is none is refused', () => {
  expect(() => createResampler(0, 16_000)).toThrow(RangeError);
  expect(() => createResampler(16_000, 22_050.5)).toThrow(RangeError);
});
