import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { type Clock, wait } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import { type Words, words } from '../../core/words.ts';
import type { McpServerTarget } from '../../ports/mcp-client.ts';
import { childEnvironment } from '../../processes/child-environment.ts';
import { expectRun, guardRun, releaseRun } from '../../processes/crash-guard.ts';
import { notStartedWords } from '../../processes/not-started.ts';
import { newRunMark, runMarkVariable } from '../../processes/process-tree.ts';
import { stopRun } from '../../processes/stop-process.ts';
import type { Failures } from './failures.ts';

export type StdioTarget = Extract<McpServerTarget, { type: 'stdio' }>;

/** How long a server has to end by itself after its standard input has ended, and after TERM. */
const farewellMs = 250;
const graceMs = 2000;
/** What may still come through the pipes after the program itself has ended. */
const drainMs = 250;

export interface ServerProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly pid: number;
  /** The program has ended and its pipes are closed; descendants may still be on their way out. */
  readonly closed: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Ends standard input, then with TERM and KILL everything the server has started; resolves when nothing is left. */
  stop(): Promise<void>;
}

/**
 * Starts the server as leader of a process group of its own.
 * @throws ClientError when the program cannot be started
 */
export async function startServerProcess(
  target: StdioTarget,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  failures: Failures,
): Promise<ServerProcess> {
  const mark = newRunMark();
  const inherited = childEnvironment(env, target.env);
  const child = await spawned(target, inherited, mark).catch(async (thrown) => {
    throw await notStarted(thrown, target, inherited.PATH, failures);
  });
  const pid = child.pid as number;

  let gone: Promise<void> | undefined;
  const endAll = () => {
    gone ??= stopRun(pid, mark, { clock, graceMs }).finally(() => releaseRun(pid));
    return gone;
  };
  const closed = closingOf(child, clock);

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    child.stdin.end();
    const waiting = new AbortController();
    await Promise.race([closed, wait(clock, farewellMs, waiting.signal)]);
    waiting.abort();
    await endAll();
    await closed;
  };
  return {
    child,
    pid,
    closed,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function spawned(
  { command, args, cwd }: StdioTarget,
  inherited: Readonly<Record<string, string>>,
  mark: string,
): Promise<ChildProcessWithoutNullStreams> {
  const env = { ...inherited, [runMarkVariable]: mark };
  return new Promise((resolve, reject) => {
    // Throws at once what the system call would never see, such as a zero byte in an argument.
    expectRun(mark);
    const child = spawn(command, args, { cwd, env, detached: true, stdio: 'pipe' });
    // At once: the device may be killed before its next turn.
    if (child.pid !== undefined) guardRun(child.pid, mark);
    child.once('error', reject);
    child.once('spawn', () => {
      child.off('error', reject);
      child.on('error', () => {});
      resolve(child);
    });
  });
}

/** Descendants may hold the pipes open for as long as they live; they do not delay the news. */
function closingOf(child: ChildProcessWithoutNullStreams, clock: Clock): ServerProcess['closed'] {
  return new Promise((resolve) => {
    let drain: unknown;
    child.on('exit', () => {
      drain = clock.setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, drainMs);
    });
    child.on('close', (code, signal) => {
      clock.clearTimeout(drain);
      child.stdin.destroy();
      resolve({ code, signal });
    });
  });
}

async function notStarted(
  thrown: unknown,
  { command, cwd }: StdioTarget,
  path: string | undefined,
  failures: Failures,
): Promise<ClientError> {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return failures.unusable(await notStartedWords(command, cwd, path, adviceFor(command)), thrown);
    case 'EACCES':
      return failures.unusable(words('notExecutable', { program: command }), thrown);
    case 'E2BIG':
      return failures.unusable(words('argumentsTooLong'), thrown);
    default:
      return failures.network(thrown);
  }
}

function adviceFor(command: string): Words {
  if (/^(npx|npm|node)$/.test(command)) return words('installNode');
  if (/^(uvx|uv)$/.test(command)) return words('installUv');
  if (command === 'docker') return words('installDocker');
  return words('installIt');
}
