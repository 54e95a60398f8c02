import type { NativeAddon } from '../../../native/index.js';
import type { OpusEngine } from '../../ports/opus-engine.ts';

type Rate = 8_000 | 12_000 | 16_000 | 24_000 | 48_000;

/** The system's libopus as a codec; what reaches it has been checked. */
export function nativeOpusEngine(
  name: string,
  Encoder: NonNullable<NativeAddon['OpusEncoder']>,
  Decoder: NonNullable<NativeAddon['OpusDecoder']>,
): OpusEngine {
  return {
    name: `${name} of the system, by the native add-on`,
    createEncoder: ({ sampleRateHz, ...settings }) =>
      new Encoder({ ...settings, sampleRateHz: sampleRateHz as Rate }),
    createDecoder: (sampleRateHz) => new Decoder({ sampleRateHz: sampleRateHz as Rate }),
  };
}
