import type { OpusEncoderSettings } from '../../ports/opus-codec.ts';

/** Request numbers of opus_defines.h. */
export const OpusRequest = {
  setBitrate: 4002,
  setVbr: 4006,
  setComplexity: 4010,
  setDtx: 4016,
  resetState: 4028,
} as const;

/** What has to be asked of a new encoder, as pairs of request and value. */
export function encoderRequests(settings: OpusEncoderSettings): readonly (readonly [number, number])[] {
  const { complexity, variableBitrate, discontinuousTransmission, bitrateBps } = settings;
  return [
    [OpusRequest.setComplexity, complexity],
    [OpusRequest.setVbr, variableBitrate ? 1 : 0],
    [OpusRequest.setDtx, discontinuousTransmission ? 1 : 0],
    ...(bitrateBps === undefined ? [] : [[OpusRequest.setBitrate, bitrateBps] as const]),
  ];
}
