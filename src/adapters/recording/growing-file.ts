import type { FileHandle } from 'node:fs/promises';
import { unlink } from 'node:fs/promises';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { RecordingFile } from '../../ports/recording-files.ts';

/** A minute of the best sound; a disk that is further behind will not catch up. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

interface Write {
  readonly bytes: Uint8Array;
  readonly position: number;
}

/** A file that is written to in the background, one write after the other. The handle belongs to it. */
export function createGrowingFile(handle: FileHandle, path: string): RecordingFile {
  return new GrowingFile(handle, path);
}

class GrowingFile implements RecordingFile {
  readonly path: string;
  onFailed: (error: ClientError) => void = () => {};
  readonly #handle: FileHandle;
  #bytes = 0;
  #waiting: Write[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: ClientError | undefined;
  #closed: Promise<void> | undefined;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    this.#put({ bytes, position: this.#bytes });
  }

  overwrite(position: number, bytes: Uint8Array): void {
    this.#put({ bytes, position });
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async discard(): Promise<void> {
    await this.close().catch(() => {});
    await unlink(this.path).catch(() => {});
  }

  #put(write: Write): void {
    if (this.#failure || this.#closed) return;
    if (this.#waitingBytes + write.bytes.length > MAX_WAITING_BYTES) {
      this.#fail(new Error('the disk is too slow'));
      return;
    }
    this.#waiting.push(write);
    this.#waitingBytes += write.bytes.length;
    this.#bytes = Math.max(this.#bytes, write.position + write.bytes.length);
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      for (let write = this.#waiting.shift(); write; write = this.#waiting.shift()) {
        await this.#writeFully(write);
        this.#waitingBytes -= write.bytes.length;
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    this.#writing = undefined;
  }

  async #writeFully({ bytes, position }: Write): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      const { bytesWritten } = await this.#handle.write(bytes, written, left, position + written);
      written += bytesWritten;
    }
  }

  async #finish(): Promise<void> {
    await this.#writing;
    try {
      // A recording is worth more than the milliseconds this takes.
      if (!this.#failure) await this.#handle.sync();
    } catch (thrown) {
      this.#fail(thrown);
    }
    await this.#handle.close().catch((thrown: unknown) => this.#fail(thrown));
    if (this.#failure) throw this.#failure;
  }

  #fail(cause: unknown): void {
    if (this.#failure) return;
    this.#waiting = [];
    this.#failure = new ClientError(
      ErrorCode.stateUnwritable,
      `The recording ${this.path} ended early (${messageOf(cause)}). Make room on the disk, or choose another place in recordings.directory.`,
      { cause },
    );
    this.onFailed(this.#failure);
  }
}
