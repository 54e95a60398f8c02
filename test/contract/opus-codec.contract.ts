import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClientError } from '../../src/core/errors.ts';
import type { OpusCodec } from '../../src/ports/opus-codec.ts';
import { bestCorrelation, concat, cut, noise, tone } from '../support/signals.ts';

const FIRMWARE = {
  sampleRateHz: 16_000,
  frameDurationMs: 60,
  complexity: 0,
  variableBitrate: true,
  discontinuousTransmission: true,
};
/** 20 ms of a tone of 440 Hz in two channels, as an encoder at 24 kHz made it. */
const STEREO = Buffer.from(
  'bIgAyTOhYZevDyDb1eNM0nV0Ro1lQGkfGfsNDbJMt1TWTTHDiR/5nlKgvi4dzuVyUI8iBZSnlAU=',
  'base64',
);
const thrownBy = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

/** What every Opus codec promises (ports/opus-codec.ts). Call inside a `describe`. */
export function opusCodecContract(codec: OpusCodec): void {
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
        expect(codec.packetDurationMs(packet)).toBe(frameDurationMs);
        expect(codec.createDecoder(48_000).decode(packet).length).toBe(48 * frameDurationMs);
      }
    }
  });

  test('the settings reach libopus: DTX makes silence tiny, VBR off makes all packets equal, bit rate counts', () => {
    const sizes = (settings: object, pcm: Int16Array) => {
      const encoder = codec.createEncoder({ ...FIRMWARE, ...settings });
      return cut(pcm, [960]).map((frame) => encoder.encode(frame).length);
    };
    const silence = new Int16Array(960 * 30);
    expect(Math.min(...sizes({}, silence))).toBeLessThanOrEqual(3);
    expect(Math.min(...sizes({ discontinuousTransmission: false }, silence))).toBeGreaterThan(3);
    const constant = { variableBitrate: false, bitrateBps: 16_000 };
    expect(new Set(sizes(constant, noise(9_600)))).toEqual(new Set([120]));
    expect(sizes({ bitrateBps: 64_000 }, noise(9_600))[5]).toBeGreaterThan(300);
  });

  test('more effort is heard of: the encoder does something else with it', () => {
    const encoded = (complexity: number) =>
      cut(noise(9_600), [960]).map((frame) => codec.createEncoder({ ...FIRMWARE, complexity }).encode(frame));
    expect(encoded(10)).not.toEqual(encoded(0));
  });

  test('a frame of any other length than one frame is refused before it could end the process', () => {
    const encoder = codec.createEncoder(FIRMWARE);
    for (const length of [0, 1, 320, 500, 959, 961, 1_920]) {
      expect(thrownBy(() => encoder.encode(new Int16Array(length)))).toMatchObject({
        code: 'OPUS_BAD_FRAME',
      });
    }
    expect(encoder.encode(noise(960)).length).toBeGreaterThan(10);
  });

  test('a frame within a larger buffer is read from where it lies', () => {
    const whole = noise(2_000);
    const inside = codec.createEncoder(FIRMWARE).encode(whole.subarray(501, 501 + 960));
    expect(inside).toEqual(codec.createEncoder(FIRMWARE).encode(whole.slice(501, 501 + 960)));
  });

  test('what was given out stays as it is while others are coded', () => {
    const [encoder, decoder] = [codec.createEncoder(FIRMWARE), codec.createDecoder(16_000)];
    const packet = encoder.encode(noise(960));
    const pcm = decoder.decode(packet);
    const before = [packet.slice(), pcm.slice()];
    for (let i = 0; i < 5; i++) decoder.decode(encoder.encode(tone(300, 16_000, 60)));
    expect([packet.slice(), pcm]).toEqual(before);
  });

  test('streams do not mix: each encoder and decoder has a state of its own', () => {
    const frames = cut(noise(960 * 4), [960]);
    const alone = codec.createEncoder(FIRMWARE);
    const expected = frames.map((frame) => alone.encode(frame));
    const [one, other] = [codec.createEncoder(FIRMWARE), codec.createEncoder(FIRMWARE)];
    const both = frames.map((frame) => [one.encode(frame), other.encode(tone(500, 16_000, 60))][0]);
    expect(both).toEqual(expected);
  });

  test('a reset encoder and a reset decoder behave like fresh ones, settings kept', () => {
    const encoder = codec.createEncoder({ ...FIRMWARE, bitrateBps: 24_000, complexity: 3 });
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
    const pcm = codec.createDecoder(24_000).decode(STEREO);
    expect(pcm.length).toBe(480);
    expect(bestCorrelation(tone(440, 24_000, 60), pcm.slice(240))).toBeGreaterThan(0.9);
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

  test('what it encodes is what every decoder understands, and the other way round', async () => {
    const { loadOpusCodec } = await import('../../src/app-codec.ts');
    const other = await loadOpusCodec();
    const voice = tone(440, 16_000, 600);
    for (const [from, to] of [
      [codec, other],
      [other, codec],
    ] as const) {
      const [encoder, decoder] = [from.createEncoder(FIRMWARE), to.createDecoder(16_000)];
      const heard = concat(cut(voice, [960]).map((frame) => decoder.decode(encoder.encode(frame))));
      expect(bestCorrelation(heard, voice.slice(0, 1_600))).toBeGreaterThan(0.99);
    }
  });
}
