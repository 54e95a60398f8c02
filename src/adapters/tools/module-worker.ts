import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import * as z from 'zod';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { WordedError, type Words, words } from '../../core/words.ts';
import { expectRun, guardRun, releaseRun } from '../../processes/crash-guard.ts';
import { newRunMark, runMarkVariable, signalProcess } from '../../processes/process-tree.ts';
import { stopRun } from '../../processes/stop-process.ts';
import { createFrameReader, encodeFrame } from './frame-reader.ts';
import { createModuleHost, type ModuleCall, type ModuleOutcome } from './module-host.ts';
import { moduleWorkerProgram, type WorkerMessage, type WorkerRequest } from './module-worker-program.ts';

export interface ModuleWorkerOptions {
  /** `file:` URL of the module. */
  readonly url: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly maxResultBytes: number;
  readonly clock: Clock;
}

/** The module shares the process with the program that sends these, and may have got at the pipe. */
const Message: z.ZodType<WorkerMessage> = z.union([
  z.object({ crashed: z.string() }),
  z.object({
    id: z.int(),
    outcome: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('text'), text: z.string() }),
      z.object({ kind: z.literal('json'), json: z.string() }),
      z.object({ kind: z.literal(['failed', 'unloadable']), message: z.string() }),
      z.object({ kind: z.literal('no-function'), name: z.string() }),
      z.object({ kind: z.literal('too-large') }),
    ]),
  }),
]);

/** Why a call got no outcome; the runner words it with the name of its tool. */
export class WorkerEndedError extends WordedError {}

/** What a function has for an orderly end once its call is taken back. */
const settleMs = 500;
const graceMs = 2000;
/** What may still come through the pipes after the process itself has ended. */
const drainMs = 250;
const idleEndMs = 600_000;
const maxPrintedBytes = 4096;
/** A result as a line of JSON: escapes make it longer. */
const maxLineBytes = (maxResultBytes: number): number => 6 * maxResultBytes + 4096;

interface PendingCall {
  resolve(outcome: ModuleOutcome): void;
  reject(error: WorkerEndedError): void;
}

/**
 * A process that has one module loaded and takes calls of its functions, several at once, until it ends: by itself, by
 * `end`, after ten quiet minutes, or because a call that was taken back did not end.
 */
export class ModuleWorker {
  readonly #options: ModuleWorkerOptions;
  readonly #mark = newRunMark();
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;
  #printed = Buffer.alloc(0);
  #crash = '';
  #why: Words | undefined;
  #stopping: Promise<void> | undefined;
  #idleTimer: TimerHandle;
  #retired = false;
  #exited = false;
  /** Resolves when nothing of the process is left. */
  readonly closed: Promise<void>;

  constructor(options: ModuleWorkerOptions) {
    this.#options = options;
    expectRun(this.#mark);
    this.#child = spawn(process.execPath, ['-e', programFor(options)], {
      cwd: options.cwd,
      env: { ...options.env, [runMarkVariable]: this.#mark },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    this.#pipe = this.#child.stdio[3] as Duplex;
    // A broken pipe is told by the end of the process.
    this.#pipe.on('error', () => {});
    this.closed = this.#watch();
    if (this.#child.pid !== undefined) guardRun(this.#child.pid, this.#mark);
  }

  /** No further call may be made: it ends or has ended. */
  get isOver(): boolean {
    return this.#retired || this.#exited || this.#why !== undefined;
  }

  /**
   * Rejects with a WorkerEndedError when the process ends before the call. When `signal` aborts, the function is told;
   * if it does not end then, the process does, with everything it started, and with the other calls in it.
   */
  async call(call: ModuleCall, signal: AbortSignal): Promise<ModuleOutcome> {
    const { clock } = this.#options;
    this.#lastId += 1;
    const id = this.#lastId;
    let settleTimer: TimerHandle;
    const onAbort = () => {
      this.#send({ id, cancelled: true });
      settleTimer = clock.setTimeout(() => void this.#stop(words('otherCallStopped')), settleMs);
    };
    clock.clearTimeout(this.#idleTimer);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#send({ id, call });
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
    } finally {
      clock.clearTimeout(settleTimer);
      signal.removeEventListener('abort', onAbort);
      this.#pending.delete(id);
      this.#rest();
    }
  }

  /** What the module has printed since this was last asked, the end of it. */
  takePrinted(): string {
    const text = this.#printed.toString('utf8');
    this.#printed = Buffer.alloc(0);
    return text;
  }

  /** Ends when the calls in it have. */
  retire(): void {
    this.#retired = true;
    if (this.#pending.size === 0) void this.end();
  }

  async end(): Promise<void> {
    await this.#stop(words('endedByDevice'));
    await this.closed;
  }

  #rest(): void {
    if (this.#pending.size > 0 || this.#why !== undefined) return;
    if (this.#retired) void this.end();
    else this.#idleTimer = this.#options.clock.setTimeout(() => this.retire(), idleEndMs);
  }

  #send(request: WorkerRequest): void {
    if (this.#pipe.writable) this.#pipe.write(encodeFrame(JSON.stringify(request), 'newline'));
  }

  #take(message: WorkerMessage): void {
    if ('crashed' in message) this.#crash = message.crashed;
    else this.#pending.get(message.id)?.resolve(message.outcome);
  }

  async #stop(why: Words): Promise<void> {
    this.#why ??= why;
    this.#options.clock.clearTimeout(this.#idleTimer);
    const { pid } = this.#child;
    // Its number may be that of another process by now.
    if (pid === undefined || this.#exited) return;
    this.#stopping ??= stopRun(pid, this.#mark, { clock: this.#options.clock, graceMs });
    await this.#stopping;
  }

  #watch(): Promise<void> {
    const { clock, maxResultBytes } = this.#options;
    const child = this.#child;
    const lines = createFrameReader('newline', maxLineBytes(maxResultBytes));
    this.#pipe.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) this.#take(Message.parse(JSON.parse(line.toString('utf8'))));
      } catch {
        void this.#stop(words('pipeMisused'));
      }
    });
    for (const output of [child.stdout, child.stderr] as Readable[])
      output.on('data', (chunk: Buffer) => {
        this.#printed = Buffer.concat([this.#printed, chunk]).subarray(-maxPrintedBytes);
      });
    return new Promise((resolve) => {
      let drain: TimerHandle;
      const over = async (how: Words) => {
        clock.clearTimeout(drain);
        clock.clearTimeout(this.#idleTimer);
        this.#why ??= how;
        await this.#stopping;
        for (const { reject } of this.#pending.values()) reject(new WorkerEndedError(this.#why));
        if (child.pid !== undefined) releaseRun(child.pid);
        resolve();
      };
      child.on('error', (error) => void over(words('processNotStarted', { text: error.message })));
      child.on('exit', () => {
        this.#exited = true;
        if (child.pid !== undefined) signalProcess(-child.pid, 'SIGKILL');
        // A descendant that left the group may hold the pipes open for as long as it lives.
        drain = clock.setTimeout(() => {
          for (const pipe of child.stdio) pipe?.destroy();
        }, drainMs);
      });
      child.on('close', (code, signal) => void over(this.#ending(code, signal)));
    });
  }

  #ending(code: number | null, signal: NodeJS.Signals | null): Words {
    const what =
      code === null
        ? words('processEndedBy', { signal: signal ?? '' })
        : words('processEndedWithCode', { code });
    return this.#crash === '' ? what : words('because', { what, text: this.#crash });
  }
}

/** The import stands in the text itself: bundlers and test runners rewrite it in functions. */
function programFor({ url, maxResultBytes }: ModuleWorkerOptions): string {
  const load = `() => import(${JSON.stringify(url)})`;
  const host = `(${createModuleHost.toString()})(${load}, ${maxResultBytes})`;
  return `(${moduleWorkerProgram.toString()})(require, ${host})`;
}
