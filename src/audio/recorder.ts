import { ClientError, ErrorCode } from '../core/errors.ts';
import type { Microphone } from '../ports/microphone.ts';
import type { OpusCodec } from '../ports/opus-codec.ts';
import type {
  FinishedRecording,
  Recorder,
  RecorderStatus,
  RecordingSource,
  RunningRecording,
} from '../ports/recorder.ts';
import type { RecordingFile, RecordingFiles } from '../ports/recording-files.ts';
import { type Recording, type RecordingEnd, startRecording } from './recording.ts';
import { createContainer, type RecordingFormat } from './recording-container.ts';

/** A way to what is to be recorded. */
export interface SourceHandle {
  readonly microphone: Microphone;
  /** What is heard, for people. */
  readonly hears: string;
}

export interface RecorderLimits {
  readonly maxMinutes: number;
  readonly maxFiles: number;
  readonly maxTotalMegabytes: number;
}

export interface RecordingEvent {
  readonly id: string;
  readonly phase: 'started' | 'stopped' | 'failed';
  readonly source: RecordingSource;
  readonly file: string;
  readonly seconds: number;
  /** Why it ended, where nobody stopped it. */
  readonly reason?: string;
}

export interface FileRecorderParts {
  readonly files: RecordingFiles;
  readonly directory: string;
  readonly format: RecordingFormat;
  readonly limits: RecorderLimits;
  readonly codec: OpusCodec;
  /** ms since 1970, for the names of files. */
  readonly wallClock: () => number;
  /** A handle of its own for every call. */
  openSource(source: RecordingSource): SourceHandle;
  onEvent(event: RecordingEvent): void;
}

const MAX_RUNNING = 8;
const MAX_SHOWN = 10;
const MEGABYTE = 1_000_000;
/** Programs that read WAV files take the sizes in them for signed numbers. */
const MAX_FILE_BYTES = 2_000_000_000;
/** It becomes part of a file's name. */
const ID = /^[A-Za-z0-9_-]{1,32}$/;

type Shown = Omit<RunningRecording, 'seconds'>;

interface Entry {
  /** From when it is made. */
  file: RecordingFile | undefined;
  /** Resolves when it has begun; rejects when it never will. */
  begun: Promise<{ readonly shown: Shown; readonly recording: Recording } | undefined>;
}

/** Keeps the recordings that run, by id, and the limits they share. Ends with `close`. */
export class FileRecorder implements Recorder {
  readonly #parts: FileRecorderParts;
  readonly #running = new Map<string, Entry>();
  /** Of the files nobody writes to, when one was last begun, and those that were finished since. */
  #bytesAtRest = 0;
  #closed = false;

  constructor(parts: FileRecorderParts) {
    this.#parts = parts;
  }

  async start(
    source: RecordingSource,
    wantedId: string | undefined,
    signal: AbortSignal,
  ): Promise<RunningRecording> {
    const id = wantedId ?? this.#freeId();
    this.#refuseUnlessPossible(id);
    const entry: Entry = { file: undefined, begun: Promise.resolve(undefined) };
    this.#running.set(id, entry);
    const begun = this.#begin(id, source, entry);
    entry.begun = begun.catch(() => undefined);
    try {
      const { shown, recording } = await begun;
      if (!signal.aborted && !this.#closed) return { ...shown, seconds: recording.seconds };
      await recording.stop();
    } catch (thrown) {
      this.#running.delete(id);
      throw thrown;
    }
    throw refused('The recording was taken back before it began.');
  }

  async stop(id?: string): Promise<readonly FinishedRecording[]> {
    const entries = [...this.#running].filter(([one]) => id === undefined || one === id);
    if (entries.length === 0) throw nothingToStop(id, [...this.#running.keys()]);
    const ends = await Promise.all(
      entries.map(async ([, entry]) => {
        const begun = await entry.begun;
        return begun && finished(begun.shown, await begun.recording.stop());
      }),
    );
    return ends.filter((end) => end !== undefined);
  }

  async status(): Promise<RecorderStatus> {
    const { files, limits, directory } = this.#parts;
    const stored = await files.list(limits.maxFiles);
    const running = await Promise.all([...this.#running.values()].map(({ begun }) => begun));
    return {
      running: running.flatMap((one) => (one ? [{ ...one.shown, seconds: one.recording.seconds }] : [])),
      newest: stored
        .slice(-MAX_SHOWN)
        .reverse()
        .map(({ path, bytes }) => ({ file: path, bytes })),
      files: stored.length,
      directory,
    };
  }

  /** Completes all files; nothing can be started any more. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running.size > 0) await this.stop();
  }

  #refuseUnlessPossible(id: string): void {
    if (!ID.test(id)) {
      const message = 'The id of a recording has 1 to 32 letters, digits, "-" and "_".';
      throw new ClientError(ErrorCode.toolArgumentsInvalid, message);
    }
    if (this.#closed) throw refused('The device is ending.');
    if (this.#running.has(id)) {
      const message = `A recording with the id ${id} is running already. Stop it first, or choose another id.`;
      throw new ClientError(ErrorCode.conflict, message);
    }
    if (this.#running.size >= MAX_RUNNING)
      throw new ClientError(
        ErrorCode.conflict,
        `${MAX_RUNNING} recordings are running, which is the most. Stop one first.`,
      );
  }

  #freeId(): string {
    let number = 1;
    while (this.#running.has(String(number))) number += 1;
    return String(number);
  }

  async #begin(id: string, source: RecordingSource, entry: Entry) {
    const { files, format, limits, codec, openSource, wallClock, onEvent } = this.#parts;
    await this.#refuseUnlessRoom(entry);
    const { microphone, hears } = openSource(source);
    const file = await files.create(`${timeOf(wallClock())}-${source}-${id}.${format}`);
    entry.file = file;
    const shown: Shown = { id, source, hears, file: file.path };
    const recording = await startRecording({
      microphone,
      file,
      createContainer: (sampleRateHz) => createContainer(format, file, sampleRateHz, codec),
      maxMs: limits.maxMinutes * 60_000,
      isFull: () => this.#fullReason(file),
      onBegun: () => onEvent({ id, phase: 'started', source, file: file.path, seconds: 0 }),
      onEnded: (end) => {
        this.#running.delete(id);
        this.#bytesAtRest += file.bytes;
        onEvent(endEventOf(shown, end));
      },
    });
    return { shown, recording };
  }

  /** Counts those that began before this one, even if their files are not there yet. */
  async #refuseUnlessRoom(entry: Entry): Promise<void> {
    const { files, limits, directory } = this.#parts;
    const stored = await files.list(limits.maxFiles);
    const paths = new Set(stored.map(({ path }) => path));
    const running = [...this.#running.values()];
    const unlisted = running
      .slice(0, running.indexOf(entry) + 1)
      .filter(({ file }) => file === undefined || !paths.has(file.path));
    if (stored.length + unlisted.length > limits.maxFiles) {
      throw refused(
        `There are ${limits.maxFiles} recordings in ${directory}, which is the most. Delete some, or raise recordings.maxFiles.`,
      );
    }
    const open = new Set(running.map(({ file }) => file?.path));
    const atRest = stored.filter(({ path }) => !open.has(path));
    this.#bytesAtRest = atRest.reduce((sum, { bytes }) => sum + bytes, 0);
    const reason = this.#totalReason();
    if (reason !== undefined) throw refused(reason);
  }

  #fullReason(file: RecordingFile): string | undefined {
    if (file.bytes >= MAX_FILE_BYTES) return 'It has reached 2 GB, the most a file may have.';
    return this.#totalReason();
  }

  #totalReason(): string | undefined {
    const { maxTotalMegabytes } = this.#parts.limits;
    let bytes = this.#bytesAtRest;
    for (const { file } of this.#running.values()) bytes += file?.bytes ?? 0;
    if (bytes < maxTotalMegabytes * MEGABYTE) return undefined;
    return `The recordings in ${this.#parts.directory} take ${maxTotalMegabytes} MB, which is the most. Delete some, or raise recordings.maxTotalMegabytes.`;
  }
}

function finished(shown: Shown, end: RecordingEnd): FinishedRecording {
  const { id, source, file, seconds, reason } = endEventOf(shown, end);
  return { id, source, file, seconds, reason };
}

function endEventOf({ id, source, file }: Shown, end: RecordingEnd): RecordingEvent {
  const phase = end.kind === 'failed' ? 'failed' : 'stopped';
  const event = { id, phase, source, file, seconds: Math.round(end.seconds * 10) / 10 } as const;
  switch (end.kind) {
    case 'stopped':
      return event;
    case 'limit':
      return { ...event, reason: end.reason };
    case 'failed':
      return { ...event, reason: end.error.message };
  }
}

/** Local time, in a form every file system takes. */
function timeOf(wallMs: number): string {
  const offsetMs = new Date(wallMs).getTimezoneOffset() * 60_000;
  return new Date(wallMs - offsetMs).toISOString().slice(0, -1).replaceAll(':', '-');
}

function nothingToStop(id: string | undefined, running: readonly string[]): ClientError {
  const message =
    running.length === 0
      ? 'Nothing is being recorded.'
      : `There is no recording with the id ${id?.slice(0, 32)}; running are ${running.join(', ')}.`;
  return new ClientError(ErrorCode.notFound, message);
}

const refused = (message: string): ClientError => new ClientError(ErrorCode.toolFailed, message);
