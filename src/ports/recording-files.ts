import type { ClientError } from '../core/errors.ts';

/** A file that grows. Neither function throws or waits; what goes wrong is told by `onFailed` and by `close`. */
export interface RecordingFile {
  readonly path: string;
  /** Its length when all that was given to it has been written. */
  readonly bytes: number;
  /** At the end; the array belongs to the file from then on. */
  append(bytes: Uint8Array): void;
  /** Over what is there, after all that was given before; the array belongs to the file from then on. */
  overwrite(position: number, bytes: Uint8Array): void;
  /** Called at most once, when the disk is full, too slow or gone; nothing more is written. */
  onFailed: (error: ClientError) => void;
  /** Resolves when everything is on the disk. Idempotent. @throws ClientError when something is missing in the file */
  close(): Promise<void>;
  /** Closes it and takes it away: it was never wanted. Never rejects. */
  discard(): Promise<void>;
}

export interface StoredRecording {
  readonly path: string;
  readonly bytes: number;
}

/** Where recordings are kept. */
export interface RecordingFiles {
  /**
   * A new file for its owner only; an existing one is never touched.
   * @throws ClientError STATE_UNWRITABLE
   */
  create(name: string): Promise<RecordingFile>;
  /** Recordings in the order of their names, at most so many. @throws ClientError STATE_UNWRITABLE */
  list(max: number): Promise<readonly StoredRecording[]>;
}
