import { open, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { type Words, words } from '../core/words.ts';

/** What `ENOENT` does not tell of a program that is to be started. */
export type NotStarted =
  | { readonly what: 'directory' | 'program' }
  /** The program is there; what it is to be run by is not. */
  | { readonly what: 'interpreter'; readonly file: string; readonly interpreter: string }
  /** As `interpreter`, because the script was written on another system. */
  | { readonly what: 'line ends' | 'system'; readonly file: string };

const maxFirstLine = 256;

/** Looks at the command as the system has done: `path` is the `PATH` that the program was looked for in. */
export async function whyNotStarted(program: string, cwd: string, path = ''): Promise<NotStarted> {
  const there = await stat(cwd).catch(() => undefined);
  if (!there?.isDirectory()) return { what: 'directory' };
  for (const file of candidates(program, cwd, path)) {
    const head = await headOf(file);
    if (head !== undefined) return interpreterOf(file, head) ?? { what: 'program' };
  }
  return { what: 'program' };
}

/** The same as the end of a sentence. */
export async function notStartedWords(
  program: string,
  cwd: string,
  path: string | undefined,
  advice?: Words,
): Promise<Words> {
  const why = await whyNotStarted(program, cwd, path);
  switch (why.what) {
    case 'directory':
      return words('directoryMissing', { directory: cwd });
    case 'interpreter':
      return words('interpreterMissing', { interpreter: why.interpreter, file: why.file });
    case 'line ends':
      return words('windowsLineEnds', { file: why.file });
    case 'system':
      return words('programOfAnotherSystem', { file: why.file });
    case 'program': {
      const what = words('programMissing', { program });
      return advice === undefined ? what : words('advised', { what, todo: advice });
    }
  }
}

function candidates(program: string, cwd: string, path: string): readonly string[] {
  if (program.includes('/')) return [resolve(cwd, program)];
  return path.split(delimiter).map((directory) => join(resolve(cwd, directory || '.'), program));
}

async function headOf(file: string): Promise<Buffer | undefined> {
  try {
    if (!(await stat(file)).isFile()) return undefined;
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxFirstLine), 0, maxFirstLine, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

function interpreterOf(file: string, head: Buffer): NotStarted | undefined {
  if (head.subarray(1, 4).toString('latin1') === 'ELF') return { what: 'system', file };
  const [, line = ''] = /^#!\s*([^\n]*)/.exec(head.toString('utf8')) ?? [];
  const [interpreter = ''] = line.split(/[ \t]/);
  if (interpreter === '') return undefined;
  return line.endsWith('\r') ? { what: 'line ends', file } : { what: 'interpreter', file, interpreter };
}
