export interface EchoCancellerSettings {
  readonly sampleRateHz: 8_000 | 16_000 | 32_000 | 48_000;
  /** Lowers steady noise. */
  readonly noiseSuppression: boolean;
  /** Brings speech to an even level. */
  readonly gainControl: boolean;
}

/** Takes what the loudspeaker plays (the far end) out of what the microphone hears (the near end). One echo path. */
export interface EchoCanceller {
  readonly sampleRateHz: number;
  /** Samples of the frames that `process` takes: 10 ms. */
  readonly samplesPerFrame: number;
  /**
   * One frame of both ends, in order; silence where there is none. `near` is cleaned in place, and comes out some ms late.
   * @param delayMs from a sample in `far` to its echo in `near`, as far as it is known; not negative
   * @throws ClientError INTERNAL when the library fails or the canceller has been closed
   */
  process(near: Int16Array, far: Int16Array, delayMs: number): void;
  /** Frees what it holds; idempotent. */
  close(): void;
}
