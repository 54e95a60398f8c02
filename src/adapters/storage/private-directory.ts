import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * As `makePrivateDirectory`, and only where it is ours: whoever has made it may replace what is in it, keys and tasks. Root may
 * use what is another's, unless everybody may write into it.
 */
export async function claimPrivateDirectory(directory: string): Promise<void> {
  await makePrivateDirectory(directory);
  const { uid, mode } = await stat(directory);
  const us = process.geteuid?.() ?? uid;
  if (uid === us || (us === 0 && (mode & 0o022) === 0)) return;
  throw new Error('it belongs to another user');
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
