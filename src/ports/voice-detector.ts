/** Tells speech from everything else, in frames of 10 ms, in order. */
export interface VoiceDetector {
  readonly sampleRateHz: number;
  isSpeech(frame: Int16Array): boolean;
  /** Forgets what it has learned about the noise. */
  reset(): void;
}
