import type { ClientError } from '../core/errors.ts';

/** Where a microphone delivers what it hears. Neither function may throw. */
export interface MicrophoneSink {
  /**
   * Mono 16-bit PCM at the microphone's `sampleRateHz`, any number of samples. The array is only lent: copy what must
   * outlive the call.
   */
  onChunk(pcm: Int16Array): void;
  /** The device is gone or broken; no chunk follows. At most once per `start`. */
  onError(error: ClientError): void;
}

/**
 * The near end. `start` resolves when sound is coming in and rejects with a ClientError when it never will; `stop` may be
 * called at any time and more than once, and after it no callback comes. A stopped microphone may be started again.
 */
export interface Microphone {
  /** For people: backend and device, `wav:hello.wav`. */
  readonly name: string;
  /** Known once `start` has resolved. */
  readonly sampleRateHz: number;
  /** Times the sound system lost captured sound since the start, where it tells; for reports. */
  readonly xruns?: number;
  start(sink: MicrophoneSink): Promise<void>;
  stop(): Promise<void>;
}

/** Which channel of a microphone with several is heard: the mean, the first that is alive, or one by number (0 is the first). */
export type ChannelChoice = 'mix' | 'best' | number;
