import { describe, expect, it } from 'vitest';
import { noise } from '../support/signals.ts';
import { fluentSpeech, parts, whyNot } from './support.ts';

const create = parts.createVoiceDetector;

/** After a second, in which the detector learns what the noise is like. */
function shareOfSpeech(pcm: Int16Array): number {
  const detector = create?.();
  let speech = 0;
  for (let at = 0; at + 160 <= pcm.length; at += 160) {
    if (detector?.isSpeech(pcm.subarray(at, at + 160)) && at >= 16_000) speech += 160;
  }
  return speech / (pcm.length - 16_000);
}

describe.skipIf(!create)(`the native voice detector${whyNot(create)}`, () => {
  it('tells speech from noise and from silence', () => {
    expect(shareOfSpeech(fluentSpeech())).toBeGreaterThan(0.7);
    expect(shareOfSpeech(noise(16_000 * 4, 0.05))).toBeLessThan(0.2);
    expect(shareOfSpeech(new Int16Array(32_000))).toBe(0);
  });

  it('is as new after a reset', () => {
    const detector = create?.();
    const judge = () =>
      Array.from({ length: 40 }, (_, i) =>
        detector?.isSpeech(fluentSpeech().subarray(i * 160, (i + 1) * 160)),
      );
    const first = judge();
    detector?.reset();
    expect(judge()).toEqual(first);
  });
});
