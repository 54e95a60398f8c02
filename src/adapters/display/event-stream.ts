import { once } from 'node:events';
import { constants, createWriteStream, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { type Clock, wait } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { eventLine, type StatusDisplay, type StatusEvent } from '../../ports/status-display.ts';

const defaultMaxWaitingBytes = 1024 * 1024;
const flushTimeoutMs = 2000;
const readerTimeoutMs = 10_000;
const readerPollMs = 100;

export interface EventStreamOptions {
  /** A file, which is begun anew, a pipe with a name, whose reader is waited for, or `-` for standard output. */
  readonly target: string;
  readonly stdout: Writable;
  readonly clock: Clock;
  /** What `t` counts from, on `clock`. */
  readonly startMs: number;
  /** The reader is gone or the disk is full: nothing more will be written. At most once, never after `close`. */
  readonly onEnd: (error: ClientError) => void;
  /** Nobody waits any longer for the reader of a pipe. */
  readonly stop?: AbortSignal | undefined;
  /** More than this, unread, and new events are dropped; 1 MiB. */
  readonly maxWaitingBytes?: number;
}

export interface EventStream extends StatusDisplay {
  /** Events handed to the operating system or waiting for it. */
  readonly written: number;
  /** Events lost because the reader was slower than the device. Also in the next line written, as `dropped`. */
  readonly dropped: number;
  /** Writes what waits, for at most 2 s, and lets go of the target. Idempotent. */
  close(): Promise<void>;
}

/**
 * The event stream of `--events`: newline-delimited JSON, first keys `t` and `type`.
 * @throws ClientError USAGE_INVALID when the file cannot be written.
 */
export async function openEventStream(options: EventStreamOptions): Promise<EventStream> {
  const { target, stdout } = options;
  const stream = target === '-' ? stdout : await openFile(options);
  return new NdjsonStream(stream, stream === stdout, options);
}

async function openFile(options: EventStreamOptions): Promise<Writable> {
  const { target } = options;
  try {
    const found = await stat(target).catch(() => undefined);
    if (found?.isFIFO()) return await openPipe(options);
    const file = createWriteStream(target, { flags: 'w', mode: 0o600 });
    await once(file, 'open');
    return file;
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ClientError(
      ErrorCode.usageInvalid,
      `Events cannot be written to ${target} (${messageOf(cause)}). Name a file in a directory you may write to, or - for standard output.`,
      { cause },
    );
  }
}

/** Opening a pipe for writing waits for its reader in the operating system, where nothing can call it back: we ask instead. */
async function openPipe({ target, clock, stop }: EventStreamOptions): Promise<Writable> {
  const signal = stop ?? new AbortController().signal;
  const giveUpMs = clock.now() + readerTimeoutMs;
  while (clock.now() < giveUpMs && !signal.aborted) {
    const fd = openForReader(target);
    if (fd !== undefined) return new Socket({ fd, readable: false, writable: true });
    await wait(clock, readerPollMs, signal);
  }
  throw new ClientError(
    ErrorCode.usageInvalid,
    `Events cannot be written to ${target} (it is a pipe that nobody reads). Start its reader first, such as "cat ${target}", or name a file.`,
  );
}

/** Undefined while there is no reader. */
function openForReader(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENXIO') return undefined;
    throw thrown;
  }
}

class NdjsonStream implements EventStream {
  written = 0;
  dropped = 0;
  readonly #stream: Writable;
  readonly #isShared: boolean;
  readonly #options: EventStreamOptions;
  readonly #maxWaitingBytes: number;
  #droppedSinceLine = 0;
  #ended = false;
  #closing: Promise<void> | undefined;

  constructor(stream: Writable, isShared: boolean, options: EventStreamOptions) {
    this.#stream = stream;
    this.#isShared = isShared;
    this.#options = options;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? defaultMaxWaitingBytes;
    // Stays for good: the error of a write may arrive after close, and without a listener it would end the process.
    stream.on('error', (error) => this.#end(error));
  }

  show(event: StatusEvent): void {
    if (this.#ended || this.#closing) return;
    const t = Math.round(this.#options.clock.now() - this.#options.startMs);
    const line = `${eventLine(event, t, this.#droppedSinceLine)}\n`;
    if (this.#stream.writableLength + Buffer.byteLength(line) > this.#maxWaitingBytes) {
      this.dropped += 1;
      this.#droppedSinceLine += 1;
      return;
    }
    this.#stream.write(line, (error) => {
      // A stream that was destroyed tells it only here.
      if (error) this.#end(error);
    });
    this.written += 1;
    this.#droppedSinceLine = 0;
  }

  close(): Promise<void> {
    this.#closing ??= this.#flush();
    return this.#closing;
  }

  async #flush(): Promise<void> {
    if (this.#ended) return;
    const timeout = new AbortController();
    const flushed = new Promise<void>((resolve) => {
      this.#stream.once('error', () => resolve());
      // Standard output is not ours to end; an empty write comes back after all before it.
      if (this.#isShared) this.#stream.write('', () => resolve());
      else this.#stream.end(() => resolve());
    });
    await Promise.race([flushed, wait(this.#options.clock, flushTimeoutMs, timeout.signal)]);
    timeout.abort();
    if (!this.#isShared) this.#stream.destroy();
  }

  #end(cause: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#closing) return;
    this.#options.onEnd(
      new ClientError(
        ErrorCode.eventsEnded,
        `Writing events to ${this.#options.target} ended (${cause.message}); the device goes on without them. Check the reader or the disk and start again.`,
        { cause },
      ),
    );
  }
}
