import { type ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import type { Microphone } from '../ports/microphone.ts';
import type { RecordingFile } from '../ports/recording-files.ts';
import { durationMs, samplesPerFrame } from './format.ts';
import type { RecordingContainer } from './recording-container.ts';

export interface RecordingParts {
  /** Not yet started; a handle that nobody else uses. */
  readonly microphone: Microphone;
  /** Empty. Belongs to the recording. */
  readonly file: RecordingFile;
  createContainer(sampleRateHz: number): RecordingContainer;
  readonly maxMs: number;
  /** Why the file may not grow any more, as a sentence; asked for with every chunk. */
  isFull(): string | undefined;
  /** Sound comes in. Called before `startRecording` resolves. */
  onBegun(): void;
  /** The file is complete. Once, also after `stop`; not when it never began. */
  onEnded(end: RecordingEnd): void;
}

export type RecordingEnd =
  | { readonly kind: 'stopped'; readonly seconds: number }
  /** The file is whole; a limit was reached. */
  | { readonly kind: 'limit'; readonly seconds: number; readonly reason: string }
  /** The microphone or the disk failed; what was heard before is in the file as far as the disk took it. */
  | { readonly kind: 'failed'; readonly seconds: number; readonly error: ClientError };

export interface Recording {
  readonly seconds: number;
  readonly bytes: number;
  /** Resolves when the file is complete, however the recording ended. Idempotent. */
  stop(): Promise<RecordingEnd>;
}

type Cause = { readonly kind: 'stopped' } | { readonly reason: string } | { readonly error: ClientError };

/**
 * Microphone → container → file. Resolves when sound comes in; who started it holds the only handle to it.
 * @throws ClientError of the microphone; then there is no file
 */
export async function startRecording(parts: RecordingParts): Promise<Recording> {
  const recording = new FileRecording(parts);
  await recording.start();
  return recording;
}

class FileRecording implements Recording {
  readonly #parts: RecordingParts;
  #container: RecordingContainer | undefined;
  #sampleRateHz = 0;
  #samples = 0;
  #begun = false;
  #ended: Promise<RecordingEnd> | undefined;

  constructor(parts: RecordingParts) {
    this.#parts = parts;
    parts.file.onFailed = (error) => void this.#end({ error });
  }

  get seconds(): number {
    return this.#samples === 0 ? 0 : durationMs(this.#samples, this.#sampleRateHz) / 1000;
  }

  get bytes(): number {
    return this.#parts.file.bytes;
  }

  async start(): Promise<void> {
    const { microphone, file, onBegun, onEnded } = this.#parts;
    try {
      await microphone.start({
        onChunk: (pcm) => this.#take(pcm),
        onError: (error) => void this.#end({ error }),
      });
      this.#begin();
      const end = await this.#ended;
      if (end?.kind === 'failed') throw end.error;
      this.#begun = true;
      onBegun();
      if (end) onEnded(end);
    } catch (thrown) {
      await microphone.stop().catch(() => {});
      await file.discard();
      throw toClientError(thrown, ErrorCode.audioDeviceMissing);
    }
  }

  stop(): Promise<RecordingEnd> {
    return this.#end({ kind: 'stopped' });
  }

  /** Some devices tell their rate only when the start is over; what comes before is not worth a guess. */
  #begin(): RecordingContainer | undefined {
    const { sampleRateHz } = this.#parts.microphone;
    if (this.#container || sampleRateHz <= 0 || this.#ended) return this.#container;
    this.#sampleRateHz = sampleRateHz;
    this.#container = this.#parts.createContainer(sampleRateHz);
    return this.#container;
  }

  #take(pcm: Int16Array): void {
    const container = this.#begin();
    if (!container || this.#ended) return;
    const { maxMs, isFull } = this.#parts;
    const left = samplesPerFrame(this.#sampleRateHz, maxMs) - this.#samples;
    container.write(pcm.length > left ? pcm.subarray(0, left) : pcm);
    this.#samples += Math.min(pcm.length, left);
    const full = isFull();
    if (full !== undefined) void this.#end({ reason: full });
    else if (left <= pcm.length)
      void this.#end({ reason: `It has reached ${describeDuration(maxMs)}, the longest that is allowed.` });
  }

  #end(cause: Cause): Promise<RecordingEnd> {
    this.#ended ??= this.#finish(cause);
    return this.#ended;
  }

  async #finish(cause: Cause): Promise<RecordingEnd> {
    const { microphone, file, onEnded } = this.#parts;
    let failure: unknown;
    const remember = (thrown: unknown) => {
      failure ??= thrown;
    };
    // One step after the other, and none left out: whoever stops wants a closed microphone and a complete file.
    await microphone.stop().catch(remember);
    try {
      this.#container?.finish();
    } catch (thrown) {
      remember(thrown);
    }
    await file.close().catch(remember);
    const end = this.#endOf(cause, failure);
    if (this.#begun) onEnded(end);
    return end;
  }

  #endOf(cause: Cause, failure: unknown): RecordingEnd {
    const { seconds } = this;
    if ('error' in cause) return { kind: 'failed', seconds, error: cause.error };
    if (failure !== undefined) return { kind: 'failed', seconds, error: toClientError(failure) };
    return 'reason' in cause
      ? { kind: 'limit', seconds, reason: cause.reason }
      : { kind: 'stopped', seconds };
  }
}

function describeDuration(ms: number): string {
  const [count, unit] = ms < 60_000 ? [ms / 1000, 'second'] : [ms / 60_000, 'minute'];
  return `${Math.round(count * 10) / 10} ${unit}${count === 1 ? '' : 's'}`;
}
