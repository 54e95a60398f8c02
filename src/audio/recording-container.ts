import type { OpusCodec } from '../ports/opus-codec.ts';
import type { RecordingFile } from '../ports/recording-files.ts';
import { OggOpusContainer } from './ogg-opus-container.ts';
import { WavContainer } from './wav-container.ts';

export type RecordingFormat = 'wav' | 'ogg';

/** Puts sound into a file, a second at a time, so that a crash costs no more than the last second. */
export interface RecordingContainer {
  /** Mono PCM at the rate the container was made for, any length, lent. */
  write(pcm: Int16Array): void;
  /** What is still held back, and the end of the file. Nothing may be written afterwards. */
  finish(): void;
}

/** Begins a file of sound at `sampleRateHz`, which is also the rate in the file; Opus has only some and takes the best. */
export function createContainer(
  format: RecordingFormat,
  file: Pick<RecordingFile, 'append' | 'overwrite'>,
  sampleRateHz: number,
  codec: OpusCodec,
): RecordingContainer {
  return format === 'wav'
    ? new WavContainer(file, sampleRateHz)
    : new OggOpusContainer(file, sampleRateHz, codec);
}
