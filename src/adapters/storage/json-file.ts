import { readFile, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Storage } from '../../ports/storage.ts';
import { makePrivateDirectory } from './private-directory.ts';

/**
 * Loaded on the first write, which most starts do without, and by Node itself: the package names its temporary files
 * after its own file and does not work inside a bundle.
 */
const loadWriter = () =>
  createRequire(import.meta.url)('write-file-atomic') as typeof import('write-file-atomic');

export interface JsonFileStorageSettings {
  /** Made when missing, for the owner only. */
  readonly directory: string;
  /** STATE_DAMAGED: a file could not be used and has been set aside; the message names both. */
  readonly onDamaged: (error: ClientError) => void;
}

/** One file `<name>.json` per record, readable by its owner only, replaced atomically. */
export function createJsonFileStorage({ directory, onDamaged }: JsonFileStorageSettings): Storage {
  /** Writes of one after the other, so that the last `set` wins. */
  let writing: Promise<unknown> = Promise.resolve();

  const write = async (file: string, text: string): Promise<void> => {
    try {
      await makePrivateDirectory(directory);
      await loadWriter()(file, text, { mode: 0o600 });
    } catch (cause) {
      throw unwritable(directory, cause);
    }
  };

  return {
    get: async (name) => {
      await writing;
      const file = join(directory, `${name}.json`);
      const text = await readIfPresent(file);
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text) as unknown;
      } catch (cause) {
        onDamaged(await setAside(file, cause));
        return undefined;
      }
    },
    set: (name, record) => {
      const text = `${JSON.stringify(record, null, 2)}\n`;
      const written = writing.then(() => write(join(directory, `${name}.json`), text));
      writing = written.catch(() => {});
      return written;
    },
  };
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ClientError(
      ErrorCode.stateUnwritable,
      `${file} cannot be read (${messageOf(cause)}). Make it readable for this user, or choose another directory with --set paths.state=DIR.`,
      { cause },
    );
  }
}

async function setAside(file: string, cause: unknown): Promise<ClientError> {
  const aside = `${file}.damaged-${new Date().toISOString().replaceAll(':', '-')}`;
  try {
    await rename(file, aside);
  } catch (renameFailure) {
    return new ClientError(
      ErrorCode.stateDamaged,
      `${file} is not valid JSON and could not be set aside (${messageOf(renameFailure)}). It counts as empty.`,
      { cause },
    );
  }
  return new ClientError(
    ErrorCode.stateDamaged,
    `${file} is not valid JSON. It has been set aside as ${aside}, and the device begins with a fresh one. If you have a backup, stop the device and put it back.`,
    { cause },
  );
}

function unwritable(directory: string, cause: unknown): ClientError {
  return new ClientError(
    ErrorCode.stateUnwritable,
    `The state directory ${directory} cannot be written (${messageOf(cause)}). Make it writable for this user, or choose another with --set paths.state=DIR.`,
    { cause },
  );
}
