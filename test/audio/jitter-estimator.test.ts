import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterEstimator, type Step } from '../../src/audio/jitter-estimator.ts';

const memory = 256;
const frameMs = 60;
type Arrival = { readonly arrivalMs: number; readonly mediaMs: number };

/** Packets that are late by so much each, in order; what the estimator told about them. */
function observe(estimator: JitterEstimator, lateMs: readonly number[], from = 0): readonly Step[] {
  return lateMs.flatMap((ms, n) => estimator.observe((from + n) * frameMs + ms, (from + n) * frameMs) ?? []);
}
const times = (count: number, ms: number) => Array.from({ length: count }, () => ms);
/** A wire that stood still for so long gives out at once what was stuck in it. */
const stall = (ms: number) => Array.from({ length: Math.ceil(ms / frameMs) }, (_, n) => ms - n * frameMs);

describe('the jitter estimator', () => {
  it('keeps up to date what a search through all that is remembered would find', () => {
    // Never later than what a single packet may be: whether it was a step is decided elsewhere.
    const late = fc.record({
      lateMs: fc.integer({ min: 0, max: 40 }),
      overtakenBy: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(late, { minLength: 1, maxLength: 900 }),
        fc.integer({ min: 1, max: 899 }),
        (steps, newLineAt) => {
          const estimator = new JitterEstimator();
          let arrivals: Arrival[] = [];
          const delaysMs: number[] = [];
          steps.forEach(({ lateMs, overtakenBy }, n) => {
            if (n === newLineAt) {
              estimator.newTimeLine();
              arrivals = [];
              expect(estimator.fastestTransitMs).toBeUndefined();
            }
            const arrival = { arrivalMs: n * frameMs + lateMs, mediaMs: (n - overtakenBy) * frameMs };
            arrivals.push(arrival);
            const expected = searched(arrivals, delaysMs);
            expect(estimator.observe(arrival.arrivalMs, arrival.mediaMs)).toBeUndefined();
            if (estimator.isUnsettled) {
              arrivals.pop();
              estimator.newTimeLine();
              arrivals = [];
              return;
            }
            expect(estimator.fastestTransitMs).toBe(expected.fastestMs);
            delaysMs.push(expected.delayMs);
            expect(estimator.delayMs).toBe(expected.toleratedMs);
          });
        },
      ),
      { numRuns: 15 },
    );
  });

  it('takes a step after which all are equally late for a longer path', () => {
    const estimator = new JitterEstimator();
    expect(observe(estimator, [...times(20, 0), ...times(20, 180)])).toEqual([{ byMs: 180, aheadMs: 0 }]);
    expect([estimator.delayMs, estimator.fastestTransitMs]).toEqual([0, 180]);
  });

  it('tells by how much the sender ran ahead after the step', () => {
    const estimator = new JitterEstimator();
    expect(observe(estimator, [...times(20, 0), 300, 240, ...times(10, 180)])).toEqual([
      { byMs: 180, aheadMs: 120 },
    ]);
    expect(estimator.delayMs).toBe(0);
  });

  it('finds one step after the other, however close they are', () => {
    const estimator = new JitterEstimator();
    const steps = observe(estimator, [
      ...times(20, 0),
      ...times(3, 100),
      ...times(3, 200),
      ...times(20, 300),
    ]);
    expect(steps.reduce((sum, { byMs }) => sum + byMs, 0)).toBe(300);
    expect([estimator.delayMs, estimator.fastestTransitMs]).toEqual([0, 300]);
  });

  it('does not prepare for what happened once, but for what happens again', () => {
    const estimator = new JitterEstimator();
    const once = [...times(20, 0), ...stall(200), ...times(20, 0)];
    expect(observe(estimator, once)).toEqual([]);
    expect(estimator.delayMs).toBe(0);
    observe(estimator, [...stall(200), ...times(20, 0)], once.length);
    expect(estimator.delayMs).toBe(200);
  });

  it('forgets what it could not decide with the answer', () => {
    const estimator = new JitterEstimator();
    observe(estimator, [...times(20, 0), ...times(3, 400)]);
    expect(estimator.isUnsettled).toBe(true);
    estimator.newTimeLine();
    expect([estimator.isUnsettled, estimator.delayMs]).toEqual([false, 0]);
  });

  it('keeps no more than it remembers of what it cannot decide', () => {
    const estimator = new JitterEstimator();
    observe(estimator, times(20, 0));
    const steps: Step[] = [];
    // All at one moment, so that no time passes that could prove anything.
    for (let n = 0; n < 2 * memory; n++) {
      const step = estimator.observe(100_000, 1_200 + n);
      if (step) steps.push(step);
    }
    expect(steps.length).toBeGreaterThan(0);
  });
});

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
