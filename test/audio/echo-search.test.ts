import { describe, expect, it } from 'vitest';
import { EchoSearch, HeardMoments } from '../../src/audio/echo-search.ts';
import { fluentSpeech, higherVoice, looped } from '../native/support.ts';
import { noise } from '../support/signals.ts';

const rateHz = 16_000;
const range = { leadMs: 200, latestMs: 500 };
const speech = looped(fluentSpeech(), 4, 0.5);
/** The same words, a little and much lower or higher. */
const otherVoices = [0.85, 0.95, 1.05, 1.25].map((pitch) =>
  looped(higherVoice(fluentSpeech(), pitch), 4, 0.3),
);
const hiss = noise(speech.length, 0.0005);
/** Moments at which somebody looks, with words before them. */
const looksMs = [1_200, 1_700, 2_300, 2_900];
const manyLooksMs = Array.from({ length: 40 }, (_, i) => 1_200 + 65 * i);

/** What is played is to be heard from 0 on; the microphone hears `near` from 0 on. */
function lookAt(endMs: number, near: Int16Array, far: Int16Array = speech) {
  const search = new EchoSearch();
  const heard = new HeardMoments(rateHz, 200);
  search.pushFar(far, rateHz, 0);
  heard.push(near.subarray(0, endMs * (rateHz / 1000)), endMs);
  return search.find(heard.last(200), range);
}

function echo(delayMs: number, gain = 0.3): Int16Array {
  return Int16Array.from(speech, (_, i) => (speech[i - delayMs * 16] ?? 0) * gain + (hiss[i] as number));
}

describe('a search for the echo', () => {
  it.each([-180, -7, 0, 38.5, 250, 480])('finds it at %f ms, to half a millisecond', (delayMs) => {
    for (const endMs of looksMs) {
      const found = lookAt(endMs, echo(delayMs));
      expect(Math.abs((found?.delayMs ?? Number.NaN) - delayMs)).toBeLessThanOrEqual(0.5);
      expect(found?.similarity).toBeGreaterThan(0.8);
    }
  });

  it('finds it from a loudspeaker that is wired the other way round', () => {
    expect(Math.round(lookAt(1_700, echo(60, -0.3))?.delayMs ?? Number.NaN)).toBe(60);
  });

  it('is at most a little reminded by another voice', () => {
    const higher = otherVoices.at(-1) as Int16Array;
    for (const endMs of looksMs) expect(lookAt(endMs, higher)?.similarity).toBeLessThan(0.4);
  });

  it('is seldom reminded by another voice, even by one almost like it', () => {
    const looks = otherVoices.flatMap((voice) => manyLooksMs.map((endMs) => lookAt(endMs, voice)));
    const similarities = looks.map((found) => found?.similarity ?? 0).sort((a, b) => a - b);
    expect(similarities[Math.floor(0.5 * similarities.length)]).toBeLessThan(0.2);
    expect(similarities[Math.floor(0.9 * similarities.length)]).toBeLessThan(0.33);
  });

  it('finds nothing where one of both is silent', () => {
    expect(lookAt(1_700, new Int16Array(speech.length))).toBeUndefined();
    expect(lookAt(1_700, speech, new Int16Array(speech.length))).toBeUndefined();
  });

  it('knows nothing of sound that was cut off before it was heard', () => {
    const search = new EchoSearch();
    const heard = new HeardMoments(rateHz, 200);
    search.pushFar(speech, rateHz, 0);
    search.cutFar(500);
    heard.push(echo(20).subarray(0, 2_000 * 16), 2_000);
    expect(search.find(heard.last(200), range)).toBeUndefined();
  });

  it('takes the far end at any rate', () => {
    const far = Int16Array.from({ length: speech.length * 3 }, (_, i) => speech[Math.floor(i / 3)] as number);
    const search = new EchoSearch();
    const heard = new HeardMoments(rateHz, 200);
    search.pushFar(far, 3 * rateHz, 0);
    heard.push(echo(40).subarray(0, 1_700 * 16), 1_700);
    expect(Math.abs((search.find(heard.last(200), range)?.delayMs ?? Number.NaN) - 40)).toBeLessThanOrEqual(
      0.5,
    );
  });
});
