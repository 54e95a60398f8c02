import { describe, expect, it } from 'vitest';
import { EchoDelay } from '../../src/audio/echo-delay.ts';
import { fluentSpeech, higherVoice, looped } from '../native/support.ts';
import { noise } from '../support/signals.ts';

const speech = looped(fluentSpeech(), 5);

/** What the near end hears when the far end comes back `delayMs` later, or earlier when that is negative. */
function nearEnd(delayMs: number, others: Int16Array = new Int16Array(0)): Int16Array {
  const hiss = noise(speech.length, 0.0005);
  return Int16Array.from(
    speech,
    (_, i) => (speech[i - delayMs * 16] ?? 0) * 0.3 + (others[i] ?? 0) + (hiss[i] as number),
  );
}

function find(near: Int16Array, far: Int16Array): number | undefined {
  const delay = new EchoDelay({ leadMs: 100, latestMs: 500 });
  for (let at = 0; at + 160 <= far.length; at += 160)
    delay.push(near.subarray(at, at + 160), far.subarray(at, at + 160));
  return delay.delayMs;
}

describe('the delay between loudspeaker and microphone', () => {
  it.each([-80, 0, 20, 130, 300, 480])('of %i ms is found to 10 ms', (delayMs) => {
    expect(Math.abs((find(nearEnd(delayMs), speech) ?? 9_999) - delayMs)).toBeLessThanOrEqual(10);
  });

  it('is found while somebody else speaks as well', () => {
    const others = looped(higherVoice(fluentSpeech()), 5, 0.1);
    expect(Math.abs((find(nearEnd(200, others), speech) ?? 9_999) - 200)).toBeLessThanOrEqual(10);
  });

  it('is unknown where there is no echo', () => {
    expect(find(looped(higherVoice(fluentSpeech()), 5, 0.3), speech)).toBeUndefined();
    expect(find(new Int16Array(speech.length), speech)).toBeUndefined();
    expect(find(speech, new Int16Array(speech.length))).toBeUndefined();
  });

  it('is unknown before there was a second of sound, and again after a reset', () => {
    const delay = new EchoDelay({ leadMs: 100, latestMs: 500 });
    const push = (from: number, to: number) => {
      for (let at = from; at < to; at += 160)
        delay.push(speech.subarray(at, at + 160), speech.subarray(at, at + 160));
    };
    push(0, 8_000);
    expect(delay.delayMs).toBeUndefined();
    push(8_000, 48_000);
    expect(delay.delayMs).toBe(0);
    delay.reset();
    expect(delay.delayMs).toBeUndefined();
  });
});
