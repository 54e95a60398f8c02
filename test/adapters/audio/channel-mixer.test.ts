import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChannelMixer } from '../../../src/adapters/audio/channel-mixer.ts';
import type { ChannelChoice } from '../../../src/ports/microphone.ts';
import { concat, tone, toneLevelDb } from '../../support/signals.ts';

const rate = 16_000;
const silence = new Int16Array(rate * 2);
const voice = tone(500, rate, 2000);
const opposite = voice.map((sample) => -sample);

/** What is heard of these channels, in chunks of this many samples. */
function heard(channels: readonly Int16Array[], choice?: ChannelChoice, chunk = 997) {
  let told = 0;
  const mixer = new ChannelMixer({
    channels: channels.length,
    sampleRateHz: rate,
    choice,
    onCancelling: () => {
      told += 1;
    },
  });
  const all = new Int16Array(voice.length * channels.length);
  channels.forEach((channel, index) => {
    channel.forEach((sample, at) => {
      all[at * channels.length + index] = sample;
    });
  });
  const pieces: Int16Array[] = [];
  for (let at = 0; at < all.length; at += chunk)
    pieces.push(mixer.push(all.subarray(at, at + chunk)).slice());
  const mono = concat(pieces);
  return { mono, told, levelDb: toneLevelDb(mono.subarray(-rate), 500, rate) };
}

const full = toneLevelDb(voice.subarray(-rate), 500, rate);

describe('of several channels', () => {
  test('one live channel of six or eight is heard at its full level', () => {
    expect(heard([silence, silence, silence, voice, silence, silence]).levelDb).toBeCloseTo(full, 1);
    expect(heard([...new Array(7).fill(silence), voice]).levelDb).toBeCloseTo(full, 1);
  });

  test('the first that is alive is kept while it is', () => {
    const other = tone(1500, rate, 2000);
    expect(heard([voice, other, other]).levelDb).toBeCloseTo(full, 1);
  });

  test('two in antiphase are not silence, and that is said once', () => {
    expect(heard([voice, opposite])).toMatchObject({ told: 1, levelDb: expect.closeTo(full, 1) });
  });

  test('a single live one of two is not halved', () => {
    expect(heard([silence, voice]).levelDb).toBeCloseTo(full, 1);
  });

  test('two alike, or two silent ones, are a mean like any', () => {
    expect(heard([voice, voice])).toMatchObject({ told: 0, levelDb: expect.closeTo(full, 1) });
    expect(heard([silence, silence]).told).toBe(0);
  });

  test('one asked for by number is heard whatever the others do', () => {
    expect(heard([voice, silence, silence], 0).levelDb).toBeCloseTo(full, 1);
    expect(heard([voice, voice, silence], 2).mono.every((sample) => sample === 0)).toBe(true);
  });

  test('nothing is lost or moved, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4000 }), fc.constantFrom(2, 3, 6, 8), (chunk, count) => {
        const channels = Array.from({ length: count }, (_, index) => (index === 1 ? voice : silence));
        const { mono } = heard(channels, 1, chunk);
        expect(mono).toEqual(voice);
      }),
      { numRuns: 15 },
    );
  });
});
