import { chmod, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What is wrong with a directory that is used all the same. */
export type DirectoryDoubt =
  /** Everybody could write into it, which was taken from them: what is in it may be somebody else's. */
  | 'was open'
  /** Everybody can write into it, and the file system does not let us change that. */
  | 'is open'
  /** We are root, and it is of somebody who may replace what is in it. */
  | "another's";

/**
 * As `makePrivateDirectory`, and only where it is ours: whoever has made it may replace what is in it, keys and tasks. Root may
 * use what is another's, unless everybody may write into it.
 */
export async function claimPrivateDirectory(directory: string): Promise<DirectoryDoubt | undefined> {
  await makePrivateDirectory(directory);
  switch (await ownershipOf(directory)) {
    case 'refused':
      throw new Error('it belongs to another user');
    case 'is open':
      return await close(directory);
    case "another's":
      return "another's";
    case undefined:
      return undefined;
  }
}

/** What is wrong with a directory that exists; `refused`: so much that it is not used. Changes nothing. */
export async function ownershipOf(
  directory: string,
): Promise<'is open' | "another's" | 'refused' | undefined> {
  const { uid, mode } = await stat(directory);
  const us = process.geteuid?.() ?? uid;
  const isOpen = (mode & othersWrite) !== 0;
  if (uid === us) return isOpen ? 'is open' : undefined;
  return us === 0 && !isOpen ? "another's" : 'refused';
}

const othersWrite = 0o022;

async function close(directory: string): Promise<DirectoryDoubt> {
  const { mode } = await stat(directory);
  await chmod(directory, mode & 0o7777 & ~othersWrite).catch(() => {});
  // Some file systems take the change and keep none of it.
  return ((await stat(directory)).mode & othersWrite) === 0 ? 'was open' : 'is open';
}

/**
 * Makes a directory and what is missing above it, for its owner only. Node's own `recursive` never returns where a parent
 * exists and still refuses with ENOENT (procfs, some network file systems), and keeps the process from ending.
 */
export async function makePrivateDirectory(directory: string): Promise<void> {
  try {
    await makeOne(directory);
  } catch (cause) {
    const parent = dirname(directory);
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || parent === directory) throw cause;
    await makePrivateDirectory(parent);
    await makeOne(directory);
  }
}

async function makeOne(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (cause) {
    // Read-only file systems refuse what exists already with other codes than EEXIST.
    const found = await stat(directory).catch(() => undefined);
    if (!found?.isDirectory()) throw cause;
  }
}
