import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JitterEstimator } from '../../src/audio/jitter-estimator.ts';

const memory = 256;
type Arrival = { readonly arrivalMs: number; readonly mediaMs: number };

/** The same as a search through everything that is remembered. */
function searched(arrivals: readonly Arrival[], delaysMs: readonly number[]) {
  const remembered = arrivals.slice(-memory);
  const transits = (upToMs: number) =>
    remembered
      .filter(({ mediaMs }) => mediaMs <= upToMs)
      .map(({ arrivalMs, mediaMs }) => arrivalMs - mediaMs);
  const last = arrivals.at(-1) as Arrival;
  const delayMs = last.arrivalMs - last.mediaMs - Math.min(...transits(last.mediaMs));
  const lately = [...delaysMs, delayMs].slice(-memory).sort((a, b) => b - a);
  return {
    delayMs,
    fastestMs: Math.min(...transits(Number.POSITIVE_INFINITY)),
    toleratedMs: lately[Math.floor(lately.length * 0.01)],
  };
}

test('what it keeps up to date is what a search would find', () => {
  const arrival = fc.record({
    arrivalMs: fc.integer({ min: 0, max: 300 }),
    mediaMs: fc.integer({ min: -3, max: 3 }),
  });
  fc.assert(
    fc.property(
      fc.array(arrival, { minLength: 1, maxLength: 900 }),
      fc.integer({ min: 1, max: 899 }),
      (steps, newLineAt) => {
        const estimator = new JitterEstimator();
        let arrivals: Arrival[] = [];
        const delaysMs: number[] = [];
        steps.forEach((step, n) => {
          if (n === newLineAt) {
            estimator.newTimeLine();
            arrivals = [];
            expect(estimator.fastestTransitMs).toBeUndefined();
          }
          const mediaMs = n * 60 + step.mediaMs * 60;
          const observed = { arrivalMs: n * 60 + step.arrivalMs, mediaMs };
          arrivals.push(observed);
          const expected = searched(arrivals, delaysMs);
          expect(estimator.observe(observed.arrivalMs, mediaMs)).toBe(expected.delayMs);
          expect(estimator.fastestTransitMs).toBe(expected.fastestMs);
          delaysMs.push(expected.delayMs);
          expect(estimator.delayMs).toBe(expected.toleratedMs);
        });
      },
    ),
    { numRuns: 15 },
  );
});
