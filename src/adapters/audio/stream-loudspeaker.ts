import { samplesPerFrame } from '../../audio/format.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { PacedPlayback } from './paced-playback.ts';
import { createPacer, type Pacer } from './pacer.ts';
import { bytesOfPcm } from './pcm-bytes.ts';

/** An opened sound device. */
export interface OutputStream {
  readonly sampleRateHz: number;
  readonly xruns: number;
  /** Bytes that have been written and not been taken yet. */
  readonly waitingBytes: number;
  write(pcm: Uint8Array): void;
  /** Forgets what has not been heard. */
  flush(): void;
  /** Plays what was written and closes; resolves when nothing is left of it. Never rejects. */
  close(): Promise<void>;
}

export interface StreamLoudspeakerOptions {
  readonly name: string;
  readonly pacer: Pacer;
  /** Time from writing to hearing, beyond what was written. */
  readonly latencyMs: number;
  /**
   * @param onLost the device is gone; the reason completes "was lost (…)"
   * @throws ClientError AUDIO_BACKEND_MISSING or AUDIO_DEVICE_MISSING
   */
  open(onLost: (reason: string) => void): Promise<OutputStream>;
}

/** A device that has taken nothing for so long is stuck, and is given up before its queue grows further. */
const STUCK_MS = 2_000;

/**
 * A sound card behind a stream. Such streams take sound far ahead of what is heard, so it is written on a time line of our
 * own, two frames ahead.
 */
export function createStreamLoudspeaker(options: StreamLoudspeakerOptions): Loudspeaker {
  return new StreamLoudspeaker(options);
}

class StreamLoudspeaker implements Loudspeaker {
  readonly name: string;
  readonly #options: StreamLoudspeakerOptions;
  #output: OutputStream | undefined;
  #playback: PacedPlayback | undefined;
  /** Counts starts and stops, so that a start knows whether it is still wanted. */
  #generation = 0;
  #onError: (error: ClientError) => void = () => {};

  constructor(options: StreamLoudspeakerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get sampleRateHz(): number {
    return this.#output?.sampleRateHz ?? 0;
  }

  get xruns(): number {
    return this.#output?.xruns ?? 0;
  }

  async start(onError: (error: ClientError) => void): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    await this.#close();
    let lostBefore: string | undefined;
    let opened: OutputStream | undefined;
    const output = await this.#options.open((reason) => {
      lostBefore = reason;
      if (opened && this.#output === opened) this.#lose(opened, reason);
    });
    if (generation !== this.#generation) return output.close();
    opened = output;
    this.#onError = onError;
    this.#output = output;
    const { pacer, latencyMs } = this.#options;
    // Of its own: at the beat of a paced microphone a frame may be written just before the card runs dry.
    const beat = createPacer(pacer.clock, pacer.periodMs);
    this.#playback = new PacedPlayback(beat, output.sampleRateHz, latencyMs);
    if (lostBefore !== undefined) this.#lose(output, lostBefore);
  }

  write(pcm: Int16Array): Promise<void> {
    const output = this.#output;
    if (!output || !this.#playback) return Promise.resolve();
    const room = this.#playback.play(pcm.length);
    output.write(bytesOfPcm(pcm));
    const stuckBytes = 2 * samplesPerFrame(output.sampleRateHz, STUCK_MS);
    if (output.waitingBytes > stuckBytes) this.#lose(output, 'it takes no more sound');
    return room;
  }

  flush(): void {
    // Nothing is on its way: then there is nothing to be taken back, which with some devices takes a moment.
    if (this.pendingMs() === 0) return;
    this.#playback?.flush();
    this.#output?.flush();
  }

  pendingMs(): number {
    return this.#playback?.pendingMs() ?? 0;
  }

  stop(): Promise<void> {
    this.#generation += 1;
    return this.#close();
  }

  async #close(): Promise<void> {
    const output = this.#output;
    this.#output = undefined;
    this.#playback?.flush();
    await output?.close();
  }

  #lose(output: OutputStream, reason: string): void {
    this.#output = undefined;
    this.#playback?.flush();
    void output.close();
    this.#onError(
      new ClientError(
        ErrorCode.audioDeviceLost,
        `The loudspeaker ${this.name} was lost (${reason}). Check that it is plugged in.`,
        { retryable: true },
      ),
    );
  }
}
