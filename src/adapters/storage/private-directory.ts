import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

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
