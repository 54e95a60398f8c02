import { createEncoder } from 'libopus-wasm';
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
    expect(lossSnrDb(playNative, true)).toBeGreaterThan(lossSnrDb(playTypeScript, true));
    // Since 1.5 it goes on in another way after a loss, which costs a little of what follows.
    const allowedDb = /libopus 1\.[0-4]\b/.test(parts.libraries.join()) ? 0 : 0.3;
    expect(lossSnrDb(playNative, false)).toBeGreaterThan(lossSnrDb(playTypeScript, false) - allowedDb);
  });

  it('recovers a lost packet from the copy in the next', async () => {
    // In-band error correction, for a network that loses 20 %, at a rate that leaves room for it.
    const fec = { fec: true, packetLossPercent: 20, bitrate: 24_000 };
    const encoder = await createEncoder({ sampleRate: 16_000, channels: 1, frameSize: 320, ...fec });
    const voice = fluentSpeech();
    const packets = Array.from({ length: 60 }, (_, i) => encoder.encode(voice.slice(i * 320, (i + 1) * 320)));
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
