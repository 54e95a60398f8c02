import { join } from 'node:path';
import { requestTaskCancel } from '../adapters/storage/task-cancel-requests.ts';
import { createTaskJournal, readTaskJournal } from '../adapters/storage/task-journal.ts';
import { loadConfig, stateDirectory } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { monotonicClock, wait } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { printableText } from '../core/printable-text.ts';
import { foldJournal, type JournalEntry, mustBeTold, type TaskRecord } from '../mcp/task-record.ts';
import { claimState } from './claim-state.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';

/** Configuration options as in `run`: they say which state directory is meant. */
export type TasksListOptions = RunOptions;

export interface TaskOptions extends RunOptions {
  /** Id of the task, `t1`. */
  readonly id: string;
}

/** A device ends a task within its grace period; after this long something is wrong. */
const cancelTimeoutMs = 10_000;
const cancelPollMs = 50;

/** One line per task, oldest first. Only reads, so it may run beside a device. */
export const tasksListAction: CommandAction<TasksListOptions> = async (options, context) => {
  const tasks = [...(await readTasks(await tasksDirectory(options, context))).values()];
  const lines = tasks.map((task) =>
    [
      task.id.padEnd(5),
      statusOf(task).padEnd(22),
      new Date(task.finishedAtMs ?? task.acceptedAtMs).toISOString(),
      printableText(task.tool, 64),
    ].join('  '),
  );
  context.stdout.write(lines.length === 0 ? 'There are no tasks.\n' : `${lines.join('\n')}\n`);
  return ExitCode.done;
};

/** Everything about one task. The result goes out as it is stored, but for control characters on a terminal. */
export const tasksShowAction: CommandAction<TaskOptions> = async (options, context) => {
  const task = find(await readTasks(await tasksDirectory(options, context)), options.id);
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['task', task.id],
    ['tool', printableText(task.tool, 64)],
    ['status', statusOf(task)],
    ['asked by', printableText(task.channel, 64)],
    ['arguments', printableText(JSON.stringify(task.args), 2000)],
    ['accepted', time(task.acceptedAtMs)],
    ['finished', time(task.finishedAtMs)],
    ['told', time(task.deliveredAtMs)],
    ['given up', time(task.expiredAtMs)],
    ['runs', String(task.runs)],
  ];
  for (const [name, value] of facts)
    if (value !== undefined) context.stdout.write(`${name.padEnd(10)} ${value}\n`);
  if (task.text !== '') context.stdout.write(`\n${resultLines(task.text, context)}\n`);
  return ExitCode.done;
};

/** Stops a running task, through the device if one is running. */
export const tasksCancelAction: CommandAction<TaskOptions> = async (options, context) => {
  const state = stateDirectory((await load(options, context)).config, context.env);
  const directory = join(state, 'tasks');
  const task = find(await readTasks(directory), options.id);
  if (task.state !== 'running') throw notRunning(task);
  const { lock } = await claimState(state, context);
  if (lock) await cancelOffline(directory, task.id).finally(() => lock.release());
  else await cancelInDevice(directory, task.id, context.stop);
  context.stdout.write(`${task.id} is cancelled.\n`);
  return ExitCode.done;
};

async function cancelInDevice(directory: string, id: string, stop: AbortSignal): Promise<void> {
  await requestTaskCancel(directory, id);
  const untilMs = monotonicClock.now() + cancelTimeoutMs;
  while (monotonicClock.now() < untilMs && !stop.aborted) {
    const task = find(await readTasks(directory), id);
    if (task.state === 'cancelled') return;
    if (task.state !== 'running') throw notRunning(task);
    await wait(monotonicClock, cancelPollMs, stop);
  }
  throw new ClientError(
    ErrorCode.toolTimeout,
    `The device was asked to cancel ${id}, but the task runs still. Look at the device's log, or stop the device.`,
    { retryable: true },
  );
}

/** No device runs, so nothing runs: what is left to do is that the next start does not announce it or run it again. */
async function cancelOffline(directory: string, id: string): Promise<void> {
  const journal = createTaskJournal({ directory, onDamaged: () => {} });
  try {
    const { tasks, nextNumber } = foldJournal((await journal.open()).entries);
    const task = find(tasks, id);
    if (task.state !== 'running') throw notRunning(task);
    const entry: JournalEntry = {
      kind: 'task',
      next: nextNumber,
      task: { ...task, state: 'cancelled', finishedAtMs: Date.now() },
    };
    await journal.append([entry]);
  } finally {
    await journal.close();
  }
}

function load(options: RunOptions, { env }: CliContext) {
  return loadConfig({ configFile: options.config, overrides: runOptionOverrides(options), env });
}

async function tasksDirectory(options: RunOptions, context: CliContext): Promise<string> {
  return join(stateDirectory((await load(options, context)).config, context.env), 'tasks');
}

async function readTasks(directory: string): Promise<ReadonlyMap<string, TaskRecord>> {
  return foldJournal(await readTaskJournal(directory)).tasks;
}

function find(tasks: ReadonlyMap<string, TaskRecord>, id: string): TaskRecord {
  const task = tasks.get(id);
  if (task) return task;
  throw new ClientError(
    ErrorCode.usageInvalid,
    `There is no task ${printableText(id, 20)}. "tasks list" shows those there are.`,
  );
}

function notRunning(task: TaskRecord): ClientError {
  return new ClientError(
    ErrorCode.usageInvalid,
    `${task.id} does not run: it is ${statusOf(task)}. Only a running task can be cancelled.`,
  );
}

function statusOf(task: TaskRecord): string {
  if (task.expiredAtMs !== undefined) return `${task.state}, never told`;
  return mustBeTold(task) ? `${task.state}, to be told` : task.state;
}

function time(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : new Date(atMs).toISOString();
}

function resultLines(text: string, { stdout }: CliContext): string {
  if (!stdout.isTTY) return text;
  return text
    .split('\n')
    .map((line) => printableText(line, 50_000))
    .join('\n');
}
