import { loadOpusCodec } from '../../src/app-codec.ts';
import { createConcealer } from '../../src/audio/concealment.ts';
import { createResampler } from '../../src/audio/resampler.ts';
import type { ConcealingDecoder } from '../../src/ports/concealing-decoder.ts';
import { concat } from '../support/signals.ts';
import { fluentSpeech, parts } from './support.ts';

export const codec = await loadOpusCodec();
export const rateHz = 24_000;
export const frame = 1_440;
export const speech = createResampler(16_000, rateHz).push(fluentSpeech());

export function newDecoder(): ConcealingDecoder {
  if (!parts.createOpusDecoder) throw new Error(parts.problem);
  return parts.createOpusDecoder(rateHz);
}

/** Packets of 60 ms as a server sends them. */
export function packetsOf(pcm: Int16Array): Uint8Array[] {
  const encoder = codec.createEncoder({
    sampleRateHz: rateHz,
    frameDurationMs: 60,
    complexity: 5,
    variableBitrate: true,
    discontinuousTransmission: false,
  });
  return Array.from({ length: Math.floor(pcm.length / frame) }, (_, i) =>
    encoder.encode(pcm.slice(i * frame, (i + 1) * frame)),
  );
}

/** Every tenth packet, not in step with anything. */
const isLost = (i: number, seed: number) => i > 3 && (Math.imul(i + seed * 977, 0x9e3779b1) >>> 8) % 10 === 0;

/** Mean signal-to-noise ratio of pieces of 20 ms in dB, each within −10 … 35, over those that can be heard. */
function segmentalSnrDb(
  reference: Int16Array,
  heard: Int16Array,
  counts: (sample: number) => boolean,
): number {
  const ratios: number[] = [];
  for (let from = 0; from + 480 <= reference.length; from += 480) {
    if (!counts(from)) continue;
    let signal = 0;
    let error = 1;
    for (let i = from; i < from + 480; i++) {
      signal += (reference[i] as number) ** 2;
      error += ((reference[i] as number) - (heard[i] as number)) ** 2;
    }
    if (signal / 480 > 100 ** 2) ratios.push(Math.max(-10, Math.min(35, 10 * Math.log10(signal / error))));
  }
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}

export function playNative(packets: readonly Uint8Array[], seed: number): Int16Array {
  const decoder = newDecoder();
  return concat(
    packets.map((packet, i) => (isLost(i, seed) ? decoder.conceal(frame) : decoder.decode(packet))),
  );
}

export function playTypeScript(packets: readonly Uint8Array[], seed: number): Int16Array {
  const decoder = codec.createDecoder(rateHz);
  const concealer = createConcealer(rateHz);
  return concat(
    packets.map((packet, i) => {
      if (isLost(i, seed)) return concealer.conceal(frame);
      const pcm = decoder.decode(packet);
      concealer.good(pcm);
      return pcm;
    }),
  );
}

/** Mean of five patterns of loss, in dB against the decoder that loses nothing. */
export function lossSnrDb(play: typeof playNative, onlyLost: boolean): number {
  const packets = packetsOf(speech);
  const decoder = newDecoder();
  const reference = concat(packets.map((packet) => decoder.decode(packet)));
  return [1, 2, 3, 4, 5].reduce((sum, seed) => {
    const counts = (sample: number) => !onlyLost || isLost(Math.floor(sample / frame), seed);
    return sum + segmentalSnrDb(reference, play(packets, seed), counts) / 5;
  }, 0);
}
