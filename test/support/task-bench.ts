import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTaskJournal } from '../../src/adapters/storage/task-journal.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { TaskMail } from '../../src/mcp/announcements/mail.ts';
import { openTasks, type TaskLimits, type Tasks } from '../../src/mcp/tasks.ts';
import type { RunTool, Tool, ToolOutput } from '../../src/mcp/tool.ts';
import type { TaskJournal } from '../../src/ports/task-journal.ts';
import { FakeClock } from './fake-clock.ts';

export const text = (value: string): ToolOutput => ({ kind: 'text', text: value });

export function tool(name: string, run: RunTool, changes: Partial<Tool> = {}): Tool {
  return {
    name,
    description: name,
    inputSchema: { type: 'object' },
    audience: 'model',
    source: 'custom',
    mode: 'background',
    timeoutMs: 60_000,
    handoffMs: 6000,
    maxResultBytes: 1024,
    idempotent: false,
    run,
    ...changes,
  };
}

/** A tool whose runs end when the test says so; aborts end them too. */
export function heldTool(name: string, changes: Partial<Tool> = {}) {
  const runs: { finish(output: ToolOutput): void; fail(error: unknown): void; signal: AbortSignal }[] = [];
  const run: RunTool = (_, { signal }) =>
    new Promise((finish, fail) => {
      signal.addEventListener('abort', () => fail(new ClientError(ErrorCode.toolCancelled, 'aborted')));
      runs.push({ finish, fail, signal });
    });
  return { tool: tool(name, run, changes), runs };
}

const openJournals: TaskJournal[] = [];

/** Closes the files of all benches; what their devices were doing stays as a kill would leave it. */
export async function closeBenches(): Promise<void> {
  for (const journal of openJournals.splice(0)) await journal.close();
}

/** A device's tasks on a directory, with everything they say. */
export class TaskBench {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly mail: { taskId: string; outcome: string; text: string }[] = [];
  nowMs = Date.UTC(2026, 0, 1);
  tasks!: Tasks;
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(
    directory?: string,
    limits: Partial<TaskLimits> = {},
    wrap: (journal: TaskJournal) => TaskJournal = (journal) => journal,
    changes: { nowMs?: number; onMail?: (mail: TaskMail) => void } = {},
  ): Promise<TaskBench> {
    const bench = new TaskBench(directory ?? join(await mkdtemp(join(tmpdir(), 'tasks-')), 'tasks'));
    bench.nowMs = changes.nowMs ?? bench.nowMs;
    const journal = createTaskJournal({
      directory: bench.directory,
      onDamaged: ({ code }) => bench.said.push(`damaged ${code}`),
    });
    openJournals.push(journal);
    bench.tasks = await openTasks({
      journal: wrap(journal),
      clock: bench.clock,
      wallClock: () => bench.nowMs,
      logger: silentLogger,
      limits: { maxRunning: 8, maxKept: 200, expireAfterMs: 259_200_000, ...limits },
      listener: {
        onMail: (mail) => {
          const { taskId, outcome, text: told } = mail;
          bench.mail.push({ taskId, outcome, text: told });
          changes.onMail?.(mail);
        },
        onTold: (ids) => bench.said.push(`told ${ids.join(' ')}`),
        onExpired: ({ id }) => bench.said.push(`expired ${id}`),
        onProblem: ({ code }) => bench.said.push(`problem ${code}`),
      },
    });
    return bench;
  }

  /** A device that starts with the state of this one, as if this one had been killed. */
  restarted(limits: Partial<TaskLimits> = {}): Promise<TaskBench> {
    return TaskBench.open(this.directory, limits, undefined, { nowMs: this.nowMs });
  }

  /** Runs a tool in the background to its end. */
  async finish(name: string, result: string): Promise<string> {
    const handle = await this.tasks.accept(
      tool(name, async () => text(result)),
      {},
      origin,
    );
    handle.detach();
    await handle.result;
    return handle.id;
  }

  states(): Record<string, string> {
    return Object.fromEntries(this.tasks.list().map(({ id, state }) => [id, state]));
  }
}

export const origin = { channel: 'device' };
