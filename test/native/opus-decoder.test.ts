import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { bestCorrelation, concat } from '../support/signals.ts';
import {
  codec,
  frame,
  lossSnrDb,
  newDecoder,
  packetsOf,
  playNative,
  playTypeScript,
  rateHz,
  speech,
} from './loss-run.ts';
import { fluentSpeech, parts, whyNot } from './support.ts';

const create = parts.createOpusDecoder;

describe.skipIf(!create)(`the native Opus decoder${whyNot(create)}`, () => {
  it('decodes what the other decoder decodes', () => {
    const packets = packetsOf(speech.slice(0, rateHz * 2));
    const [ours, theirs] = [newDecoder(), codec.createDecoder(rateHz)];
    const [mine, other] = [ours, theirs].map((decoder) =>
      concat(packets.map((packet) => decoder.decode(packet))),
    );
    expect(bestCorrelation(mine as Int16Array, other as Int16Array)).toBeGreaterThan(0.999);
  });

  it('hides lost packets better than the concealment in TypeScript', () => {
    expect(lossSnrDb(playNative, false)).toBeGreaterThan(lossSnrDb(playTypeScript, false));
    expect(lossSnrDb(playNative, true)).toBeGreaterThan(lossSnrDb(playTypeScript, true));
  });

  it('recovers a lost packet from the copy in the next', () => {
    const { OpusEncoder } = createRequire(import.meta.url)(
      '@discordjs/opus',
    ) as typeof import('@discordjs/opus');
    const encoder = new OpusEncoder(16_000, 1);
    // In-band error correction, for a network that loses 20 %, at a rate that leaves room for it.
    for (const [request, value] of [
      [4012, 1],
      [4014, 20],
      [4002, 24_000],
    ] as const)
      encoder.applyEncoderCTL(request, value);
    const voice = fluentSpeech();
    const packets = Array.from({ length: 60 }, (_, i) => {
      const pcm = voice.slice(i * 320, (i + 1) * 320);
      return encoder.encode(Buffer.from(pcm.buffer));
    });
    const decoder = (create as NonNullable<typeof create>)(16_000);
    const play = (hide: (i: number) => Int16Array) => {
      decoder.reset();
      return concat(packets.map((packet, i) => (i % 5 === 4 && i < 59 ? hide(i) : decoder.decode(packet))));
    };
    const whole = play((i) => decoder.decode(packets[i] as Uint8Array));
    const recovered = play((i) => decoder.recover(packets[i + 1] as Uint8Array, 320));
    const made = play(() => decoder.conceal(320));
    expect(bestCorrelation(recovered, whole)).toBeGreaterThan(bestCorrelation(made, whole) + 0.05);
  });

  it.each([8_000, 12_000, 16_000, 24_000, 48_000])('makes up any length at %i Hz', (hz) => {
    const decoder = (create as NonNullable<typeof create>)(hz);
    expect([0, 1, 80, 1_440, 30_000].map((samples) => decoder.conceal(samples).length)).toEqual([
      0, 1, 80, 1_440, 30_000,
    ]);
    const packet = packetsOf(speech.slice(0, frame))[0] as Uint8Array;
    expect([0, 1, 80, 1_440, 30_000].map((samples) => decoder.recover(packet, samples).length)).toEqual([
      0, 1, 80, 1_440, 30_000,
    ]);
  });

  it('refuses what is no packet with a sentence, and goes on', () => {
    const decoder = newDecoder();
    const fault = { code: 'OPUS_BAD_PACKET', retryable: true };
    expect(() => decoder.decode(new Uint8Array(0))).toThrow(expect.objectContaining(fault));
    expect(() => decoder.decode(Uint8Array.of(0xff, 0xff, 1))).toThrow(expect.objectContaining(fault));
    expect(() => decoder.recover(new Uint8Array(0), 480)).toThrow(expect.objectContaining(fault));
    expect(() => parts.createOpusDecoder?.(44_100)).toThrow(
      expect.objectContaining({ code: 'OPUS_BAD_FRAME' }),
    );
    expect(decoder.decode(packetsOf(speech.slice(0, frame))[0] as Uint8Array).length).toBe(frame);
  });
});
