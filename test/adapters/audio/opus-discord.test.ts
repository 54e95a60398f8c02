import opus from '@discordjs/opus';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadOpusCodec } from '../../../src/adapters/audio/opus-discord.ts';
import { ClientError } from '../../../src/core/errors.ts';
import { bestCorrelation, concat, cut, noise, tone } from '../../support/signals.ts';

const codec = await loadOpusCodec();
const FIRMWARE = {
  sampleRateHz: 16_000,
  frameDurationMs: 60,
  complexity: 0,
  variableBitrate: true,
  discontinuousTransmission: true,
};
const thrownBy = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

test('what goes in comes out, at another rate if wanted', () => {
  const encoder = codec.createEncoder(FIRMWARE);
  const decoder = codec.createDecoder(24_000);
  const frames = cut(tone(440, 16_000, 600), [960]).map((frame) => decoder.decode(encoder.encode(frame)));
  expect(frames.map((frame) => frame.length)).toEqual(new Array(10).fill(1_440));
  expect(bestCorrelation(concat(frames), tone(440, 24_000, 100))).toBeGreaterThan(0.99);
});

test('every frame duration and rate of Opus works', () => {
  for (const sampleRateHz of [8_000, 12_000, 16_000, 24_000, 48_000]) {
    for (const frameDurationMs of [2.5, 5, 10, 20, 40, 60, 80, 100, 120]) {
      const encoder = codec.createEncoder({ ...FIRMWARE, sampleRateHz, frameDurationMs });
      const packet = encoder.encode(noise(encoder.samplesPerFrame));
      expect(codec.createDecoder(48_000).decode(packet).length).toBe(48 * frameDurationMs);
    }
  }
});

test('the settings reach libopus: DTX makes silence tiny, VBR off makes all packets equal, bit rate counts', () => {
  const sizes = (settings: object, pcm: Int16Array) => {
    const encoder = codec.createEncoder({ ...FIRMWARE, ...settings });
    return cut(pcm, [960]).map((frame) => encoder.encode(frame).length);
  };
  expect(Math.min(...sizes({}, new Int16Array(960 * 30)))).toBeLessThanOrEqual(3);
  expect(Math.min(...sizes({ discontinuousTransmission: false }, new Int16Array(960 * 30)))).toBeGreaterThan(
    3,
  );
  const constant = { variableBitrate: false, bitrateBps: 16_000 };
  expect(new Set(sizes(constant, noise(9_600)))).toEqual(new Set([120]));
  expect(sizes({ bitrateBps: 64_000 }, noise(9_600))[5]).toBeGreaterThan(300);
});

test('a frame of any other length than one frame is refused before it could end the process', () => {
  const encoder = codec.createEncoder(FIRMWARE);
  for (const length of [0, 1, 320, 500, 959, 961, 1_920]) {
    expect(thrownBy(() => encoder.encode(new Int16Array(length)))).toMatchObject({ code: 'OPUS_BAD_FRAME' });
  }
  expect(encoder.encode(noise(960)).length).toBeGreaterThan(10);
});

test('a frame within a larger buffer is read from where it lies', () => {
  const whole = noise(2_000);
  const inside = codec.createEncoder(FIRMWARE).encode(whole.subarray(501, 501 + 960));
  expect(inside).toEqual(codec.createEncoder(FIRMWARE).encode(whole.slice(501, 501 + 960)));
});

test('a reset encoder and a reset decoder behave like fresh ones, settings kept', () => {
  const encoder = codec.createEncoder(FIRMWARE);
  const decoder = codec.createDecoder(16_000);
  const frames = cut(noise(960 * 5), [960]);
  const run = () =>
    frames.map((frame) => encoder.encode(frame)).map((packet) => [packet, decoder.decode(packet)]);
  const first = run();
  encoder.reset();
  decoder.reset();
  expect(run()).toEqual(first);
});

test('an empty packet is refused instead of turning into a quarter second of guesswork', () => {
  expect(thrownBy(() => codec.createDecoder(24_000).decode(new Uint8Array(0)))).toMatchObject({
    code: 'OPUS_BAD_PACKET',
    retryable: true,
  });
});

test('after a bad packet the next good one is decoded as by a fresh decoder', () => {
  const packet = codec.createEncoder(FIRMWARE).encode(noise(960));
  const decoder = codec.createDecoder(24_000);
  expect(thrownBy(() => decoder.decode(Uint8Array.of(0xff, 0xff)))).toBeInstanceOf(ClientError);
  expect(decoder.decode(packet)).toEqual(codec.createDecoder(24_000).decode(packet));
});

test('a packet of padding without end is refused by its size', () => {
  const packet = new Uint8Array(200_000).fill(255);
  packet.set([(9 << 3) | 3, 0x41]);
  expect(thrownBy(() => codec.createDecoder(24_000).decode(packet))).toMatchObject({
    code: 'OPUS_BAD_PACKET',
  });
});

test('stereo packets come out as mono', () => {
  const stereo = new opus.OpusEncoder(24_000, 2);
  const both = new Int16Array(2 * 480).map((_, i) => tone(440, 24_000, 20)[i >> 1] ?? 0);
  expect(codec.createDecoder(24_000).decode(stereo.encode(Buffer.from(both.buffer))).length).toBe(480);
});

test('any bytes give PCM of the promised length or OPUS_BAD_PACKET', () => {
  const decoder = codec.createDecoder(16_000);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (packet) => {
      const error = thrownBy(() => expect(decoder.decode(packet).length).toBeGreaterThan(0));
      if (error) expect(error).toMatchObject({ code: 'OPUS_BAD_PACKET' });
    }),
    { numRuns: 1_000 },
  );
});

test('rates and frame durations that Opus does not have are refused with those it has', () => {
  expect(thrownBy(() => codec.createDecoder(44_100))).toMatchObject({
    code: 'OPUS_BAD_FRAME',
    message: expect.stringContaining('16000'),
  });
  expect(thrownBy(() => codec.createEncoder({ ...FIRMWARE, frameDurationMs: 30 }))).toMatchObject({
    code: 'OPUS_BAD_FRAME',
    message: expect.stringContaining('20, 40, 60'),
  });
});

test('without the package the error says how to get it', async () => {
  const error = await loadOpusCodec(() => Promise.reject(new Error('Cannot find module'))).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    code: 'OPUS_UNAVAILABLE',
    message: expect.stringContaining('npm rebuild @discordjs/opus'),
  });
});
