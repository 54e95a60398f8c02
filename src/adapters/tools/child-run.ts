import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import { expectRun, guardRun, releaseRun } from '../../processes/crash-guard.ts';
import { runMarkVariable, signalProcess } from '../../processes/process-tree.ts';
import { stopRun } from '../../processes/stop-process.ts';

export interface ChildCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Written to standard input, which then ends. */
  readonly input: string;
  /** Unique to this run; see `runMarkVariable`. */
  readonly mark: string;
}

export interface ChildLimits {
  readonly clock: Clock;
  readonly graceMs: number;
  readonly maxOutputBytes: number;
  readonly maxStderrBytes: number;
}

export interface ChildResult {
  readonly exitCode: number | null;
  readonly exitSignal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  /** The end of it. */
  readonly stderr: string;
  /** It printed more than was allowed and was stopped for it. */
  readonly overflow: boolean;
}

/** What may still come through the pipes after the program itself has ended. */
const drainMs = 250;

/**
 * Runs a program in a process group of its own. Resolves when it has ended and nothing of its group is left; `signal`
 * ends it with all its descendants first. Rejects with what Node reports when it cannot be started.
 */
export async function runChild(
  command: ChildCommand,
  limits: ChildLimits,
  signal: AbortSignal,
): Promise<ChildResult> {
  expectRun(command.mark);
  const child = spawn(command.program, command.args, {
    cwd: command.cwd,
    env: { ...command.env, [runMarkVariable]: command.mark },
    detached: true,
    stdio: 'pipe',
  });
  const { pid } = child;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    if (pid !== undefined) stopped ??= stopRun(pid, command.mark, limits);
  };
  const ended = watch(child, limits, stop);
  if (pid === undefined) return await ended;
  guardRun(pid, command.mark);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  child.stdin.end(command.input);
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', stop);
    await stopped;
    releaseRun(pid);
  }
}

function watch(
  child: ChildProcessWithoutNullStreams,
  { clock, maxOutputBytes, maxStderrBytes }: ChildLimits,
  stop: () => void,
): Promise<ChildResult> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let stderr = Buffer.alloc(0);
  let overflow = false;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxOutputBytes) chunks.push(chunk);
    else if (!overflow) {
      overflow = true;
      stop();
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-maxStderrBytes);
  });
  // A program that ends without reading its input breaks the pipe; how it ended says what there is to say.
  child.stdin.on('error', () => {});
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    let drain: unknown;
    child.on('exit', () => {
      if (child.pid !== undefined) signalProcess(-child.pid, 'SIGKILL');
      // A descendant that left the group may hold the pipes open for as long as it lives.
      drain = clock.setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, drainMs);
    });
    child.on('close', (exitCode, exitSignal) => {
      clock.clearTimeout(drain);
      resolve({
        exitCode,
        exitSignal,
        stdout: Buffer.concat(chunks),
        stderr: stderr.toString('utf8'),
        overflow,
      });
    });
  });
}
