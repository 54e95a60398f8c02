import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const root = resolve(import.meta.dirname, '../..');
export const fixture = (name: string): string => join(root, 'test/fixtures', name);

export interface ProgramEvent {
  readonly t: number;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A device in a process of its own, as a user starts it. */
export interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** Its directory for state, configuration and recordings. */
  readonly home: string;
  /** Events of `--events -` so far. */
  readonly events: readonly ProgramEvent[];
  readonly stderr: string;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  eventsOf(type: string): ProgramEvent[];
  until(ready: () => boolean): Promise<void>;
}

export interface ProgramOptions {
  /** Shared between programs; a fresh one otherwise. */
  readonly home?: string;
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Reads nothing that the program prints. */
  readonly unread?: boolean;
}

const homes: string[] = [];
const children = new Set<ChildProcessWithoutNullStreams>();
const patienceMs = 45_000;

export function freshHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'speaker-'));
  homes.push(home);
  return home;
}

export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const home = options.home ?? freshHome();
  const child = spawn(process.execPath, [join(root, 'dist/main.js'), ...args], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      LANG: 'C.UTF-8',
      XDG_STATE_HOME: join(home, 'state'),
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_CACHE_HOME: join(home, 'cache'),
      ...options.env,
    },
  });
  children.add(child);
  let stderr = '';
  let stdout = '';
  const events: ProgramEvent[] = [];
  child.stdin.on('error', () => {});
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  if (!options.unread) {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (stdout + text).split('\n');
      stdout = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) events.push(JSON.parse(line) as ProgramEvent);
    });
  }
  // Streams are drained when `close` comes; one that nobody reads never is.
  const exited = once(child, options.unread ? 'exit' : 'close').then(([code, signal]) => {
    children.delete(child);
    return (code ?? signal) as number | NodeJS.Signals;
  });
  return {
    child,
    home,
    events,
    get stderr() {
      return stderr;
    },
    exited,
    eventsOf: (type) => events.filter((event) => event.type === type),
    async until(ready) {
      const giveUpMs = performance.now() + patienceMs;
      while (!ready()) {
        if (performance.now() > giveUpMs) throw new Error(`never came true: ${ready}\n${stderr}`);
        if (child.exitCode !== null) throw new Error(`ended (${child.exitCode}) before: ${ready}\n${stderr}`);
        await sleep(10);
      }
    },
  };
}

/** For `afterAll`: nothing that was started here outlives the tests. */
export function cleanUpPrograms(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
}

const newestMs = (directory: string): number =>
  Math.max(
    ...readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

const isBuilt = (): boolean => {
  const built = statSync(join(root, 'dist/main.js'), { throwIfNoEntry: false });
  return built !== undefined && built.mtimeMs >= newestMs(join(root, 'src'));
};

/** For `beforeAll`: `npm test` has built already; whoever runs a single file may not have. One process builds, others wait. */
export async function buildProgram(): Promise<void> {
  const lock = join(tmpdir(), `speaker-build-${process.getuid?.()}`);
  while (!isBuilt()) {
    try {
      mkdirSync(lock);
    } catch {
      await sleep(50);
      continue;
    }
    try {
      if (!isBuilt()) execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'pipe' });
    } finally {
      rmSync(lock, { recursive: true });
    }
  }
}
