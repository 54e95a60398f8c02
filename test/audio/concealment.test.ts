import { describe, expect, it } from 'vitest';
import { createConcealer } from '../../src/audio/concealment.ts';
import { tone } from '../support/signals.ts';

const rateHz = 24_000;
const frame = 1_440;
const energy = (pcm: Int16Array) => pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length;
const largestStep = (pcm: Int16Array) =>
  pcm.reduce((largest, sample, i) => Math.max(largest, Math.abs(sample - (pcm[i - 1] ?? sample))), 0);
const joined = (...parts: Int16Array[]) => Int16Array.from(parts.flatMap((part) => [...part]));

describe('concealment', () => {
  it('goes on with the voice that was heard, and fades', () => {
    const voice = tone(150, rateHz, 240);
    const concealer = createConcealer(rateHz);
    concealer.good(voice.slice(0, frame * 2));
    const made = concealer.conceal(frame);
    const real = voice.subarray(frame * 2, frame * 3);
    const product = made.reduce((sum, sample, i) => sum + sample * (real[i] as number), 0);
    const correlation = product / Math.sqrt(energy(made) * energy(real)) / frame;
    expect(correlation).toBeGreaterThan(0.9);
    expect(energy(concealer.conceal(frame))).toBeLessThan(energy(made) / 4);
    expect(energy(concealer.conceal(frame))).toBe(0);
  });

  it('joins on both sides without a click', () => {
    const voice = tone(155, rateHz, 240);
    const concealer = createConcealer(rateHz);
    const before = voice.slice(0, frame * 2);
    concealer.good(before);
    const made = concealer.conceal(frame);
    // The worst case: what follows has the opposite phase.
    const after = voice.slice(frame * 3, frame * 4).map((sample) => -sample);
    concealer.good(after);
    expect(largestStep(joined(before, made, after))).toBeLessThan(4 * largestStep(voice));
  });

  it('leaves undisturbed sound as it is', () => {
    const voice = tone(150, rateHz, 60);
    const heard = voice.slice();
    createConcealer(rateHz).good(heard);
    expect(heard).toEqual(voice);
  });

  it('keeps silence silent, from the start and after a reset', () => {
    const concealer = createConcealer(rateHz);
    expect(energy(concealer.conceal(frame))).toBe(0);
    concealer.good(tone(150, rateHz, 120));
    concealer.reset();
    expect(energy(concealer.conceal(frame))).toBe(0);
  });

  it.each([8_000, 16_000, 48_000])('works at %i Hz and for pieces of any length', (hz) => {
    const concealer = createConcealer(hz);
    concealer.good(tone(200, hz, 60));
    expect([1, 0, 80, 5_000].map((samples) => concealer.conceal(samples).length)).toEqual([1, 0, 80, 5_000]);
  });
});
