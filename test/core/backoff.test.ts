import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffDelayMs } from '../../src/core/backoff.ts';

test('each delay is twice the last until the longest', () => {
  const delays = [0, 1, 2, 3, 4, 5].map((n) => backoffDelayMs(n, { firstMs: 1000, maxMs: 10_000 }));

  expect(delays).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test('jitter spreads a delay evenly to both sides', () => {
  const delay = (random: number) =>
    backoffDelayMs(0, { firstMs: 1000, maxMs: 9000, jitterShare: 0.2, random: () => random });

  expect([delay(0), delay(0.5), delay(1)]).toEqual([800, 1000, 1200]);
});

test('no number of failures makes a delay that a timer cannot take', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const delayMs = backoffDelayMs(attempt, {
        firstMs: 800,
        maxMs: 60_000,
        jitterShare: 0.2,
        random: () => random,
      });
      expect(delayMs).toBeGreaterThanOrEqual(640);
      expect(delayMs).toBeLessThanOrEqual(72_000);
    }),
  );
});
