import { appendFile, type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { TaskJournal } from '../../ports/task-journal.ts';
import { makePrivateDirectory } from './private-directory.ts';
import { encodeEntry, type ParsedJournal, parseJournal } from './task-journal-format.ts';

/** The journal is rewritten long before; what is larger is not ours. */
const maxFileBytes = 256 * 1024 * 1024;
/** Appends that wait for the disk; the tasks that may run at once are fewer. */
const maxWaiting = 1024;

export interface TaskJournalSettings {
  /** `<state>/tasks`; made when missing, for the owner only. The caller holds the lock of the state directory. */
  readonly directory: string;
  /** STATE_DAMAGED: something could not be read; the message says what became of it. */
  readonly onDamaged: (error: ClientError) => void;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: ClientError) => void;
}

/** Where the journal is, for those who only look. */
export function taskJournalFile(directory: string): string {
  return join(directory, 'journal');
}

/**
 * What the journal holds, without changing anything: for commands beside a running device.
 * @throws ClientError STATE_UNWRITABLE when it cannot be read.
 */
export async function readTaskJournal(directory: string): Promise<readonly unknown[]> {
  return (await readJournal(taskJournalFile(directory))).entries;
}

/** An append-only file; see TASKS.md in src/mcp for its format and what is promised. */
export function createTaskJournal({ directory, onDamaged }: TaskJournalSettings): TaskJournal {
  const file = taskJournalFile(directory);
  let handle: FileHandle | undefined;
  let sizeBytes = 0;
  /** A write broke off and could not be undone: the next one begins on a line of its own. */
  let dirty = false;
  let waiting: Waiting[] = [];
  /** Everything that touches the file, one after the other. */
  let work: Promise<void> = Promise.resolve();

  const inTurn = <Result>(step: () => Promise<Result>): Promise<Result> => {
    const result = work.then(step);
    work = result.then(
      () => {},
      () => {},
    );
    return result;
  };

  const opened = async (): Promise<FileHandle> => {
    if (handle) return handle;
    await makePrivateDirectory(directory);
    // Not O_APPEND: Linux would ignore the position, and a broken write has to be written over.
    handle = await open(file, 'r+').catch(async () => {
      const made = await open(file, 'wx+', 0o600);
      await syncDirectory(directory);
      return made;
    });
    await handle.chmod(0o600);
    return handle;
  };

  const writeAtEnd = async (bytes: Buffer): Promise<void> => {
    const target = await opened();
    await mustBeThere(target, file);
    const whole = dirty ? Buffer.concat([Buffer.from('\n'), bytes]) : bytes;
    try {
      let written = 0;
      while (written < whole.length) {
        const { bytesWritten } = await target.write(
          whole,
          written,
          whole.length - written,
          sizeBytes + written,
        );
        written += bytesWritten;
      }
      await target.datasync();
      sizeBytes += whole.length;
      dirty = false;
    } catch (failure) {
      await undo(target);
      throw failure;
    }
  };

  /** What was refused must not be there after a restart. */
  const undo = async (target: FileHandle): Promise<void> => {
    try {
      await target.truncate(sizeBytes);
    } catch {
      sizeBytes = (await target.stat().catch(() => ({ size: sizeBytes }))).size;
      dirty = true;
    }
  };

  /** All that waits goes out in one write: many tasks that finish together cost one flush of the disk. */
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    try {
      await writeAtEnd(Buffer.concat(batch.map(({ bytes }) => bytes)));
      for (const { resolve } of batch) resolve();
    } catch (cause) {
      const error = unwritable(directory, cause);
      for (const { reject } of batch) reject(error);
    }
  };

  const replace = async (bytes: Buffer): Promise<void> => {
    const fresh = `${file}.new`;
    await makePrivateDirectory(directory);
    await rm(fresh, { force: true });
    const target = await open(fresh, 'wx', 0o600);
    try {
      await target.writeFile(bytes);
      await target.sync();
    } catch (failure) {
      await target.close().catch(() => {});
      await rm(fresh, { force: true }).catch(() => {});
      throw failure;
    }
    await target.close();
    await rename(fresh, file);
    await syncDirectory(directory);
    await handle?.close().catch(() => {});
    handle = undefined;
    sizeBytes = bytes.length;
    dirty = false;
  };

  const setAside = async (pieces: readonly Buffer[], whole: Buffer): Promise<void> => {
    const aside = `${file}.damaged-${new Date().toISOString().replaceAll(':', '-')}`;
    try {
      await appendFile(aside, Buffer.concat(pieces.flatMap((piece) => [piece, Buffer.from('\n')])), {
        mode: 0o600,
      });
      await replace(whole);
      onDamaged(damagedEntries(file, pieces.length, `They have been set aside as ${aside}.`));
    } catch (cause) {
      onDamaged(damagedEntries(file, pieces.length, `They could not be set aside (${messageOf(cause)}).`));
    }
  };

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    open: () =>
      inTurn(async () => {
        const { entries, damaged, torn, length } = await readJournal(file);
        sizeBytes = length;
        dirty = torn !== undefined;
        if (damaged.length > 0) await setAside(damaged, Buffer.concat(entries.map(encodeEntry)));
        return { entries, damaged: damaged.length };
      }),
    append: (entries) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= maxWaiting) {
          reject(unwritable(directory, new Error('the disk does not keep up')));
          return;
        }
        waiting.push({ bytes: Buffer.concat(entries.map(encodeEntry)), resolve, reject });
        if (waiting.length === 1) void inTurn(flush);
      }),
    rewrite: (entries) =>
      inTurn(async () => {
        try {
          await replace(Buffer.concat(entries().map(encodeEntry)));
        } catch (cause) {
          throw unwritable(directory, cause);
        }
      }),
    close: () =>
      inTurn(async () => {
        await handle?.close().catch(() => {});
        handle = undefined;
      }),
  };
}

async function readJournal(file: string): Promise<ParsedJournal & { readonly length: number }> {
  try {
    const { size } = await stat(file);
    if (size > maxFileBytes) throw new Error(`it has ${size} bytes, which no journal of this program has`);
    const bytes = await readFile(file);
    const parsed = parseJournal(bytes);
    // A last line that is whole but for its line end needs one before the next.
    const torn = parsed.torn ?? (bytes.length > 0 && bytes.at(-1) !== 0x0a ? Buffer.alloc(0) : undefined);
    return { ...parsed, torn, length: bytes.length };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      return { entries: [], damaged: [], torn: undefined, length: 0 };
    throw new ClientError(
      ErrorCode.stateUnwritable,
      `The task journal ${file} cannot be read (${messageOf(cause)}). Make it readable for this user or move it away, then start again.`,
      { cause },
    );
  }
}

/** Makes a new name in a directory, and the directory itself, survive a power cut. */
async function syncDirectory(directory: string): Promise<void> {
  for (const path of [directory, dirname(directory)]) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

function damagedEntries(file: string, count: number, what: string): ClientError {
  return new ClientError(
    ErrorCode.stateDamaged,
    `${count} of the entries of the task journal ${file} cannot be read. ${what} The other tasks are complete; ask again for what is missing.`,
  );
}

function unwritable(directory: string, cause: unknown): ClientError {
  return new ClientError(
    ErrorCode.stateUnwritable,
    `Background tasks cannot be saved in ${directory} (${messageOf(cause)}). Free some space or make it writable, then try again.`,
    { retryable: true, cause },
  );
}

/** What is written into a file that somebody has removed is kept by nobody. */
async function mustBeThere(handle: FileHandle, file: string): Promise<void> {
  const [open, named] = await Promise.all([handle.stat(), stat(file).catch(() => undefined)]);
  if (named?.ino !== open.ino || named.dev !== open.dev)
    throw new Error('its journal was removed while the device ran');
}
