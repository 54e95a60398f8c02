import type { ClientError } from '../core/errors.ts';

/**
 * The far end as heard in the room. Written by one producer at a time, which waits for each `write`: that is what paces
 * playback.
 */
export interface Loudspeaker {
  /** For people: backend and device, `wav:/tmp/out.wav`. */
  readonly name: string;
  /** What `write` expects. Known once `start` has resolved. */
  readonly sampleRateHz: number;
  /** Times the sound system had nothing to play since the start, where it tells; for reports. */
  readonly xruns?: number;
  /** True while it only stands in for a device that is lost: what is written takes its time, and nobody hears it. */
  readonly isUnheard?: boolean;
  /** Opens the device. `onError` is called at most once, when the device is lost later; nothing is played after it. */
  start(onError: (error: ClientError) => void): Promise<void>;
  /**
   * Takes mono 16-bit PCM of any length and owns it from then on. Resolves when the device has room for the next, at the
   * latest when all but about one frame of what was written has been heard. Never rejects; after a loss or `stop` it
   * resolves at once.
   */
  write(pcm: Int16Array): Promise<void>;
  /** Forgets all that has not been heard yet; waiting writes resolve. Silence within the device's own latency. */
  flush(): void;
  /** How long, in ms, until the last written sample has been heard. 0 = silent. */
  pendingMs(): number;
  stop(): Promise<void>;
}
