/** RFC 6716 encoder for one mono stream. */
export interface OpusEncoder {
  readonly sampleRateHz: number;
  /** Samples that `encode` takes, no more and no fewer. */
  readonly samplesPerFrame: number;
  /**
   * One frame in, one packet out (1–3 bytes during DTX silence).
   * @throws ClientError OPUS_BAD_FRAME when the length is not exactly one frame.
   */
  encode(pcm: Int16Array): Uint8Array;
  /** Same state as a fresh encoder. */
  reset(): void;
}

/** RFC 6716 decoder for one stream, mixed down to mono, at a rate of our choice whatever the sender used. */
export interface OpusDecoder {
  readonly sampleRateHz: number;
  /**
   * One packet in, its PCM out; the caller owns the array.
   * @throws ClientError OPUS_BAD_PACKET when the bytes are no well-formed Opus packet.
   */
  decode(packet: Uint8Array): Int16Array;
  reset(): void;
}

export interface OpusEncoderSettings {
  readonly sampleRateHz: number;
  readonly frameDurationMs: number;
  /** 0–10; the firmware uses 0. */
  readonly complexity: number;
  /** Bits per second; undefined lets libopus choose. */
  readonly bitrateBps?: number | undefined;
  readonly variableBitrate: boolean;
  /** Discontinuous transmission: tiny packets in silence. */
  readonly discontinuousTransmission: boolean;
}

export interface OpusCodec {
  createEncoder(settings: OpusEncoderSettings): OpusEncoder;
  createDecoder(sampleRateHz: number): OpusDecoder;
  /** How much sound a packet holds, from its first bytes; 0 when it is no Opus packet. */
  packetDurationMs(packet: Uint8Array): number;
}
