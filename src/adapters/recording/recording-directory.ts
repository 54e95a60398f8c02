import { constants, type Dirent } from 'node:fs';
import { open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { RecordingFiles, StoredRecording } from '../../ports/recording-files.ts';
import { createGrowingFile } from './growing-file.ts';

const EXTENSION = /\.(wav|ogg)$/;

/**
 * Recordings as files of a directory; they are for their owner only.
 * @param makeDirectory makes it, when it is first needed; it may be there already
 */
export function createRecordingDirectory(
  directory: string,
  makeDirectory: (directory: string) => Promise<void>,
): RecordingFiles {
  const unwritable = (cause: unknown) =>
    new ClientError(
      ErrorCode.stateUnwritable,
      `Recordings cannot be kept in ${directory} (${codeOf(cause)}). Make it a directory you may write to, or choose another in recordings.directory.`,
      { cause },
    );
  return {
    create: async (name) => {
      const path = join(directory, name);
      try {
        await makeDirectory(directory);
        const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
        return createGrowingFile(await open(path, flags, 0o600), path);
      } catch (cause) {
        throw unwritable(cause);
      }
    },
    list: async (max) => {
      try {
        return await listFiles(directory, max);
      } catch (cause) {
        if (codeOf(cause) === 'ENOENT') return [];
        throw unwritable(cause);
      }
    },
  };
}

async function listFiles(directory: string, max: number): Promise<StoredRecording[]> {
  const found: (StoredRecording & { readonly changedMs: number })[] = [];
  for await (const entry of await opendir(directory)) {
    if (!isRecording(entry)) continue;
    const path = join(directory, entry.name);
    const info = await stat(path).catch(() => undefined);
    // Deleted meanwhile.
    if (!info) continue;
    found.push({ path, bytes: info.size, changedMs: info.mtimeMs });
    if (found.length >= max) break;
  }
  found.sort((a, b) => a.changedMs - b.changedMs || (a.path < b.path ? -1 : 1));
  return found.map(({ path, bytes }) => ({ path, bytes }));
}

const isRecording = (entry: Dirent): boolean => entry.isFile() && EXTENSION.test(entry.name);

const codeOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? 'unknown';
