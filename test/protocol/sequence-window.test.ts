import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SequenceWindow } from '../../src/protocol/sequence-window.ts';

const story = (numbers: readonly number[], window = new SequenceWindow()) =>
  numbers.map((number) => {
    const verdict = window.judge(number);
    return verdict.accepted ? verdict.extended : verdict.reason;
  });

describe('sequence numbers', () => {
  it('in order, with a gap, and one that was overtaken', () => {
    const window = new SequenceWindow();
    expect(story([1, 2, 5, 3], window)).toEqual([1, 2, 5, 3]);
    expect(window.lost).toBe(1);
    expect(window.judge(4)).toEqual({ accepted: true, extended: 4, reordered: true });
    expect(window.lost).toBe(0);
  });

  it('twice are duplicates; older than the window are replays', () => {
    expect(story([1, 1, 200, 73, 73, 72])).toEqual([1, 'duplicate', 200, 73, 'duplicate', 'replay']);
  });

  it('go on growing across the wrap-around', () => {
    expect(story([0xffffffff, 1, 0, 0])).toEqual([0xffffffff, 2 ** 32 + 1, 2 ** 32, 'duplicate']);
  });

  it('that jump wildly are believed when the next one follows', () => {
    expect(story([1, 900_000, 2, 900_001, 3])).toEqual([1, 'jump', 2, 'jump', 3]);
    expect(story([5_000, 1, 2, 3])).toEqual([5_000, 'jump', 2 ** 32 + 2, 2 ** 32 + 3]);
  });

  it('begin anew after a reset', () => {
    const window = new SequenceWindow();
    story([1, 2, 9], window);
    window.reset();
    expect([story([1], window), window.lost]).toEqual([[1], 0]);
  });

  it('are each accepted once, in any order within the window, and from anywhere in the 32 bits', () => {
    const start = fc.integer({ min: 0, max: 0xffffffff });
    const arrivals = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(start, arrivals, (first, offsets) => {
        const window = new SequenceWindow();
        const accepted = new Set<number>();
        for (const offset of offsets) {
          const verdict = window.judge((first + offset) >>> 0);
          expect(verdict.accepted).toBe(!accepted.has(offset));
          accepted.add(offset);
        }
        const unseen =
          Math.max(...offsets) -
          (offsets[0] as number) +
          1 -
          [...accepted].filter((o) => o >= (offsets[0] as number)).length;
        expect(window.lost).toBeLessThanOrEqual(Math.max(0, unseen));
      }),
    );
  });
});
