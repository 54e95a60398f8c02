import type { OpusEncoderSettings } from './opus-codec.ts';

/**
 * One binding of libopus. Everything that reaches it has been checked before: rates, frame lengths, the framing of packets
 * (`adapters/audio/opus-guards.ts`), so a binding only has to pass it on.
 */
export interface OpusEngine {
  /** For people: the package or the library, `libopus 1.6.1 as WebAssembly`. */
  readonly name: string;
  createEncoder(settings: OpusEncoderSettings): OpusEngineEncoder;
  /** Mono at this rate. */
  createDecoder(sampleRateHz: number): OpusEngineDecoder;
}

export interface OpusEngineEncoder {
  /** One frame of the length that was agreed on. The caller owns the packet. */
  encode(pcm: Int16Array): Uint8Array;
  /** As new, settings kept. */
  reset(): void;
}

export interface OpusEngineDecoder {
  /** A well-framed packet. The caller owns the samples. Throws what libopus says about it. */
  decode(packet: Uint8Array): Int16Array;
  /** As new. */
  reset(): void;
}
