import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EchoReference } from '../../src/audio/echo-reference.ts';

const rateHz = 16_000;
const counting = (samples: number, from = 1) => Int16Array.from({ length: samples }, (_, i) => from + i);
const readAt = (reference: EchoReference, startMs: number, samples = 160) => {
  const frame = new Int16Array(samples);
  reference.read(frame, startMs);
  return frame;
};

describe('the echo reference', () => {
  it('gives back what was written for the time at which it is heard, and silence around it', () => {
    const reference = new EchoReference(rateHz);
    reference.write(counting(160), 1_000);
    expect(readAt(reference, 1_000)).toEqual(counting(160));
    expect(readAt(reference, 995)).toEqual(Int16Array.of(...new Int16Array(80), ...counting(80)));
    expect(readAt(reference, 1_010)).toEqual(new Int16Array(160));
  });

  it('joins what nearly joins, and leaves a gap where there is one', () => {
    const reference = new EchoReference(rateHz);
    reference.write(counting(160), 1_000);
    reference.write(counting(160, 161), 1_022);
    reference.write(counting(160), 1_100);
    expect(readAt(reference, 1_000, 320)).toEqual(counting(320));
    expect(readAt(reference, 1_020, 1_280)).toEqual(new Int16Array(1_280));
    expect(readAt(reference, 1_100)).toEqual(counting(160));
  });

  it.each([-10, 10])('moves all that is kept by %i ms when the clock is set', (byMs) => {
    const reference = new EchoReference(rateHz);
    reference.write(counting(800), 1_000);
    reference.setClock(byMs);
    reference.write(counting(160, 801), 1_050 + byMs);
    expect(readAt(reference, 1_000 + byMs, 960)).toEqual(counting(960));
  });

  it('forgets what a flush has silenced, but not what was heard before', () => {
    const reference = new EchoReference(rateHz);
    reference.write(counting(1_600), 1_000);
    reference.cut(1_050);
    expect(readAt(reference, 1_000, 800)).toEqual(counting(800));
    expect(readAt(reference, 1_050, 800)).toEqual(new Int16Array(800));
    reference.write(counting(160), 1_050);
    expect(readAt(reference, 1_050)).toEqual(counting(160));
  });

  it('keeps the last four seconds, and has silence for what is older', () => {
    const reference = new EchoReference(rateHz);
    for (let second = 0; second < 6; second++)
      reference.write(new Int16Array(rateHz).fill(second + 1), second * 1_000);
    expect([0, 1_500, 2_000, 5_500].map((ms) => readAt(reference, ms)[0])).toEqual([0, 0, 3, 6]);
  });

  it('has no sound of its own, and never old sound in the place of new sound in the place of new', () => {
    const write = fc.record({ startMs: fc.nat(12_000), samples: fc.nat(20_000) });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 12 }), fc.nat(16_000), (writes, readMs) => {
        const reference = new EchoReference(rateHz);
        // Each sample says which write it comes from.
        writes.forEach(({ startMs, samples }, i) => {
          reference.write(new Int16Array(samples).fill(i + 1), startMs);
        });
        const last = writes.at(-1);
        const frame = readAt(reference, readMs);
        const afterLast = last && readMs >= last.startMs + 30 + (last.samples * 1_000) / rateHz;
        expect(frame.every((value) => value >= 0 && value <= writes.length)).toBe(true);
        if (afterLast) expect(frame).toEqual(new Int16Array(160));
      }),
    );
  });
});
