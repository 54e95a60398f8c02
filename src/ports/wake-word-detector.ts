/**
 * Listens for the words that begin a conversation. The detector's verdict is an edge; whether it counts is the business of
 * whoever feeds it. Nothing here throws.
 */
export interface WakeWordDetector {
  /** For people: `sherpa-onnx (你好小智)`. */
  readonly name: string;
  /** What `push` expects. */
  readonly sampleRateHz: number;
  /** The one listener; called from within `push` or soon after, with the words as a person writes them. */
  onDetected(listener: (phrase: string) => void): void;
  /** Mono PCM of any length; lent. */
  push(pcm: Int16Array): void;
  /** What comes next does not join what came before. */
  reset(): void;
  /** Frees what it holds; idempotent. */
  close(): void;
}
