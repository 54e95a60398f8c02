import { open, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';

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

/** The same as the end of a sentence, "its …" or "the program …". */
export async function notStartedWords(
  program: string,
  cwd: string,
  path: string | undefined,
  advice?: string,
): Promise<string> {
  const why = await whyNotStarted(program, cwd, path);
  switch (why.what) {
    case 'directory':
      return `its directory ${cwd} does not exist`;
    case 'interpreter':
      return `${why.interpreter}, which is to run ${why.file}, was not found; install it, or correct the first line of the file`;
    case 'line ends':
      return `${why.file} has the line ends of Windows, so what is to run it is not found; mend it with: sed -i 's/\\r$//' ${why.file}`;
    case 'system':
      return `the program ${why.file} was made for another system`;
    case 'program':
      return `the program ${program} was not found${advice === undefined ? '' : `; ${advice}`}`;
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
