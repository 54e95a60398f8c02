/**
 * What the add-on exports. Built from system libraries, so a class is there only when its library was; everything else
 * about the add-on is fixed. All errors that its methods throw are NativeError; nothing a caller passes can end the
 * process. Sound is mono 16-bit PCM. Calls are synchronous and short (10 ms of sound in about 70 µs), so they stay on the
 * thread that asks. Any number of threads may load the add-on; objects belong to the thread that made them.
 */
export interface NativeAddon {
  /** Of this file; an add-on with another number was built from other sources. */
  readonly interfaceVersion: 1;
  /** pkg-config names and versions of what cancels the echo: `webrtc-audio-processing 0.3 and speexdsp 1.2.1`. */
  readonly echoLibrary?: string;
  readonly EchoCanceller?: new (options: EchoCancellerOptions) => EchoCanceller;
  /** `libopus 1.3.1` */
  readonly opusLibrary?: string;
  readonly OpusDecoder?: new (options: OpusDecoderOptions) => OpusDecoder;
  readonly OpusEncoder?: new (options: OpusEncoderOptions) => OpusEncoder;
  /** Only with webrtc-audio-processing 0.3. */
  readonly VoiceDetector?: new (
    options: VoiceDetectorOptions,
  ) => VoiceDetector;
}

export type NativeErrorCode =
  /** A type, a length or a number that is not allowed. Nothing was processed. A detached buffer has length 0. */
  | 'NATIVE_BAD_ARGUMENT'
  /** The object has been closed. */
  | 'NATIVE_CLOSED'
  /** The library refused; the message is its own. */
  | 'NATIVE_ENGINE_FAILED'
  /** The bytes are no Opus packet (RFC 6716). The decoder can be used further. */
  | 'NATIVE_BAD_PACKET';

export interface NativeError extends Error {
  readonly code: NativeErrorCode;
}

export interface EchoCancellerOptions {
  readonly sampleRateHz: 8_000 | 16_000 | 32_000 | 48_000;
  /** Takes the far end out of the near end. */
  readonly echoCancellation: boolean;
  /** Lowers steady noise. */
  readonly noiseSuppression: boolean;
  /** Brings speech to an even level. */
  readonly gainControl: boolean;
}

/** One echo path, in frames of 10 ms: `sampleRateHz / 100` samples. */
export declare class EchoCanceller {
  constructor(options: EchoCancellerOptions);
  /** What the loudspeaker plays: one frame before each frame of the near end. */
  processRender(far: Int16Array): void;
  /**
   * What the microphone hears, in place; it comes out about 17 ms late.
   * @param delayMs from a sample in `far` to its echo in `near`, 0 to 2000; within 100 ms of the truth is enough
   */
  processCapture(near: Int16Array, delayMs: number): void;
  /** Frees the memory now and not when garbage is collected; idempotent. */
  close(): void;
}

export interface OpusDecoderOptions {
  /** Of what comes out, whatever the sender used. */
  readonly sampleRateHz: 8_000 | 12_000 | 16_000 | 24_000 | 48_000;
}

/** One Opus stream, mixed down to mono. `samples` are whole multiples of 2.5 ms, at most 120 ms. */
export declare class OpusDecoder {
  constructor(options: OpusDecoderOptions);
  /** The sound of one packet. */
  decode(packet: Uint8Array): Int16Array;
  /** Packet-loss concealment: what a lost packet of so many samples may have sounded like. */
  conceal(samples: number): Int16Array;
  /**
   * In-band forward error correction: a lost packet of so many samples from the one that follows it, which is decoded
   * itself afterwards. Where that holds no copy, this is `conceal`.
   */
  decodeFec(next: Uint8Array, samples: number): Int16Array;
  /** As new. */
  reset(): void;
  /** See `EchoCanceller.close`. */
  close(): void;
}

export interface OpusEncoderOptions {
  readonly sampleRateHz: 8_000 | 12_000 | 16_000 | 24_000 | 48_000;
  /** 0 to 10. */
  readonly complexity: number;
  readonly variableBitrate: boolean;
  readonly discontinuousTransmission: boolean;
  /** Undefined lets libopus choose. */
  readonly bitrateBps?: number | undefined;
}

/** One mono Opus stream. */
export declare class OpusEncoder {
  constructor(options: OpusEncoderOptions);
  /** One frame of 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms. */
  encode(pcm: Int16Array): Uint8Array;
  /** As new, settings kept. */
  reset(): void;
  /** See `EchoCanceller.close`. */
  close(): void;
}

export interface VoiceDetectorOptions {
  readonly sampleRateHz: 8_000 | 16_000 | 32_000 | 48_000;
  /** 3 takes the least noise for speech, 0 misses the least speech. */
  readonly aggressiveness: 0 | 1 | 2 | 3;
}

/** WebRTC's voice activity detector, in frames of 10 ms, in order. */
export declare class VoiceDetector {
  constructor(options: VoiceDetectorOptions);
  isSpeech(frame: Int16Array): boolean;
  /** See `EchoCanceller.close`. */
  close(): void;
}
