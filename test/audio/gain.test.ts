import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gain, gainOfVolume, levelPercent } from '../../src/audio/gain.ts';
import { noise, tone } from '../support/signals.ts';

test('volume is quadratic as in the firmware, and limited to 0–100', () => {
  expect([0, 10, 50, 70, 100, 140, -5].map(gainOfVolume).map((gain) => Number(gain.toFixed(4)))).toEqual([
    0, 0.01, 0.25, 0.49, 1, 1, 0,
  ]);
});

test('full volume changes nothing, half volume is a quarter, none is silence', () => {
  for (const [volume, expected] of [
    [100, [1000, -32_768]],
    [50, [250, -8192]],
    [0, [0, -0]],
  ] as const) {
    const pcm = Int16Array.of(1000, -32_768);
    new Gain(volume).apply(pcm);
    expect(pcm).toEqual(Int16Array.from(expected));
  }
});

test('a change ramps: no step between neighbours, and exactly the new volume afterwards', () => {
  const gain = new Gain(100);
  gain.setVolume(0);
  const pcm = new Int16Array(400).fill(10_000);
  gain.apply(pcm.subarray(0, 100));
  gain.apply(pcm.subarray(100));
  const steps = [...pcm].slice(1).map((sample, i) => Math.abs(sample - (pcm[i] ?? 0)));
  expect(Math.max(...steps)).toBeLessThan(50);
  expect(pcm[0]).toBeGreaterThan(9_900);
  expect(new Set(pcm.slice(256))).toEqual(new Set([0]));
});

test('a ramp back to full volume ends bit-exact', () => {
  const gain = new Gain(30);
  gain.setVolume(100);
  gain.apply(new Int16Array(256));
  const pcm = noise(100);
  const before = pcm.slice();
  gain.apply(pcm);
  expect(pcm).toEqual(before);
});

test('no volume, and no sequence of changes, makes a sample louder or flips its sign', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 200 }), { minLength: 1, maxLength: 10 }), (volumes) => {
      const gain = new Gain(volumes[0] ?? 0);
      for (const volume of volumes) {
        gain.setVolume(volume);
        const pcm = noise(100, 1);
        const before = pcm.slice();
        gain.apply(pcm);
        expect(
          pcm.every((sample, i) => {
            const original = before[i] as number;
            return Math.abs(sample) <= Math.abs(original) && sample * original >= 0;
          }),
        ).toBe(true);
      }
    }),
  );
});

test('the level meter goes from digital silence to full scale', () => {
  expect(levelPercent(new Int16Array(0))).toBe(0);
  expect(levelPercent(new Int16Array(960))).toBe(0);
  expect(levelPercent(new Int16Array(960).fill(-32_768))).toBe(100);
  expect(levelPercent(tone(1_000, 16_000, 100, 0.1))).toBe(62);
});

test('ducking lowers the sound by 12 dB without a click and gives the volume back, also one that was changed meanwhile', () => {
  const gain = new Gain(100);
  const settled = (): number => {
    gain.apply(new Int16Array(256));
    const pcm = Int16Array.of(10_000);
    gain.apply(pcm);
    return pcm[0] as number;
  };
  gain.duck('ducked');
  const ramp = new Int16Array(256).fill(10_000);
  gain.apply(ramp);
  expect(Math.max(...ramp.slice(1).map((sample, n) => (ramp[n] as number) - sample))).toBeLessThan(50);
  expect(settled()).toBe(2_500);
  gain.setVolume(50);
  expect(settled()).toBe(625);
  gain.duck('full');
  expect(settled()).toBe(2_500);
});
