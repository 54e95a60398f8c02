import { closeSync, constants, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { MAX_WAV_DATA_BYTES, WAV_HEADER_BYTES, wavHeader } from '../../audio/format-wav.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { PacedPlayback } from './paced-playback.ts';
import type { Pacer } from './pacer.ts';

export interface WavLoudspeakerOptions {
  readonly pacer: Pacer;
  readonly sampleRateHz?: number;
}

/** Silence longer than this is the pause between two answers and is left out. */
const MAX_RECORDED_GAP_MS = 1_000;

/**
 * A file as loudspeaker: records, in real time, what would have been heard. Answers follow each other without the pauses
 * between them; a gap of up to a second within an answer, which a person would have heard as stutter, is in the file as
 * silence. `flush` takes back what had not been heard. The file is a complete WAV after every write, whatever happens to
 * the process.
 *
 * `start` begins the file anew the first time and continues it after a `stop`.
 * @throws ClientError AUDIO_DEVICE_MISSING from `start` when the file cannot be created
 */
export function createWavLoudspeaker(path: string, options: WavLoudspeakerOptions): Loudspeaker {
  return new WavLoudspeaker(path, options);
}

class WavLoudspeaker implements Loudspeaker {
  readonly name: string;
  readonly sampleRateHz: number;
  readonly #path: string;
  readonly #playback: PacedPlayback;
  #file: number | undefined;
  #dataBytes = 0;
  #onError: (error: ClientError) => void = () => {};
  #everStarted = false;

  constructor(path: string, { pacer, sampleRateHz = 24_000 }: WavLoudspeakerOptions) {
    this.name = `wav:${path}`;
    this.#path = path;
    this.sampleRateHz = sampleRateHz;
    this.#playback = new PacedPlayback(pacer, sampleRateHz);
  }

  start(onError: (error: ClientError) => void): Promise<void> {
    this.flush();
    this.#close();
    this.#onError = onError;
    try {
      this.#file = openRegularFile(this.#path, this.#everStarted ? 0 : constants.O_TRUNC);
      this.#everStarted = true;
      this.#writeHeader(this.#file);
      return Promise.resolve();
    } catch (error) {
      this.#close();
      return Promise.reject(
        new ClientError(
          ErrorCode.audioDeviceMissing,
          `The recording ${this.#path} cannot be created (${messageOf(error)}). Choose a directory that exists and that you may write to.`,
          { cause: error },
        ),
      );
    }
  }

  write(pcm: Int16Array): Promise<void> {
    if (this.#file === undefined) return Promise.resolve();
    const gapMs = this.#playback.gapMs();
    const gapSamples = gapMs <= MAX_RECORDED_GAP_MS ? Math.round((gapMs * this.sampleRateHz) / 1000) : 0;
    const played = this.#playback.play(pcm.length);
    if (gapSamples > 0) this.#append(new Int16Array(gapSamples));
    this.#append(pcm);
    return played;
  }

  flush(): void {
    const unheardBytes = this.#playback.flush() * 2;
    if (this.#file === undefined || unheardBytes === 0) return;
    this.#dataBytes = Math.max(0, this.#dataBytes - unheardBytes);
    this.#guarded((file) => {
      ftruncateSync(file, WAV_HEADER_BYTES + this.#dataBytes);
      this.#writeHeader(file);
    });
  }

  pendingMs(): number {
    return this.#playback.pendingMs();
  }

  stop(): Promise<void> {
    this.flush();
    this.#close();
    return Promise.resolve();
  }

  /**
   * Synchronously: some kilobytes into the page cache cost less than the trip to another thread, and the sound is in the
   * file as soon as it counts as heard.
   */
  #append(pcm: Int16Array): void {
    this.#guarded((file) => {
      if (this.#dataBytes + pcm.byteLength > MAX_WAV_DATA_BYTES)
        throw new Error('a WAV file cannot exceed 4 GB');
      const bytes = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
      writeFully(file, bytes, WAV_HEADER_BYTES + this.#dataBytes);
      this.#dataBytes += pcm.byteLength;
      this.#writeHeader(file);
    });
  }

  #writeHeader(file: number): void {
    writeFully(file, wavHeader(this.sampleRateHz, this.#dataBytes), 0);
  }

  #guarded(work: (file: number) => void): void {
    if (this.#file === undefined) return;
    try {
      work(this.#file);
    } catch (error) {
      this.#close();
      this.#playback.flush();
      this.#onError(
        new ClientError(
          ErrorCode.audioDeviceLost,
          `The recording ${this.#path} ended early (${messageOf(error)}). Make room on the disk or choose another file.`,
          { cause: error },
        ),
      );
    }
  }

  #close(): void {
    if (this.#file === undefined) return;
    try {
      closeSync(this.#file);
    } catch {
      // Nothing more can be done for the file, and what was written is in it.
    }
    this.#file = undefined;
  }
}

/** Opening a pipe would block until somebody reads it, and its header could not be corrected. */
function openRegularFile(path: string, flags: number): number {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
    throw new Error('it is not a regular file');
  return openSync(path, constants.O_RDWR | constants.O_CREAT | flags, 0o644);
}

function writeFully(file: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(file, bytes, written, bytes.length - written, position + written);
  }
}
