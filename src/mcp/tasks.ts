import type { Clock } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { words } from '../core/words.ts';
import type { TaskJournal } from '../ports/task-journal.ts';
import type { TaskMail } from './announcements/mail.ts';
import { canonicalArguments } from './task-arguments.ts';
import { mustBeTold, summaryOf, type TaskRecord, type TaskSummary } from './task-record.ts';
import { startTaskRun, type TaskResult, type TaskRun } from './task-run.ts';
import { type RetentionLimits, TaskStore } from './task-store.ts';
import {
  firstCharacters,
  maxStoredCharacters,
  outputText,
  pageOf,
  type TextPage,
  wordsOf,
} from './task-text.ts';
import type { Tool, ToolArguments } from './tool.ts';

export type { TaskRecord, TaskResult, TaskSummary };

/** One caller's interest in a task. It must end with `markDelivered` or `detach`, else the result waits for the caller. */
export interface TaskHandle {
  readonly id: string;
  /** Never rejects. When it comes, the result is on disk. */
  readonly result: Promise<TaskResult>;
  /** The caller does not wait any longer: unless somebody else does, the result becomes mail. Idempotent. */
  detach(): void;
  /** The caller has passed the result on: nobody needs to be told any more. Before there is a result it only detaches. */
  markDelivered(): void;
}

/** Who asks for a task. */
export interface TaskOrigin {
  readonly channel: string;
  /** `false`: whoever asked hears of the result elsewhere; unless somebody else asks for it, it is only kept to be read. */
  readonly announce?: boolean | undefined;
}

/** What the dispatcher needs. */
export interface TaskKeeper {
  /**
   * Begins to run the tool once the promise is on disk.
   * @throws ClientError TOOL_BUSY at the limit, TOOL_ARGUMENTS_INVALID when they are too long to be kept, STATE_UNWRITABLE
   * when the disk refuses; each message can be spoken.
   */
  accept(tool: Tool, args: ToolArguments, origin: TaskOrigin): Promise<TaskHandle>;
  /**
   * A run that goes on, or waits for its turn, becomes a task of its own: they end together, whichever is ended, and the
   * limits are those of the run. Throws what `accept` throws; the run is then still the caller's.
   */
  adopt(tool: Tool, args: ToolArguments, run: TaskRun, origin: TaskOrigin): Promise<TaskHandle>;
  /** A handle of one's own on the running task of the same tool with the same arguments in any order. */
  findRunning(toolName: string, args: ToolArguments, origin: TaskOrigin): TaskHandle | undefined;
  /** Oldest first. */
  list(): readonly TaskSummary[];
  get(id: string): TaskRecord | undefined;
  /** Stops a running task and everything it started; nobody will be told. False when no such task runs. */
  cancel(id: string): boolean;
}

export interface Tasks extends TaskKeeper {
  /**
   * Once, when the tools are known: results of before the restart become mail, running tasks are run again when their tool
   * is idempotent, else they become mail as interrupted.
   */
  resume(resolveTool: (name: string) => Tool | undefined): Promise<void>;
  /** A piece of the stored result by byte offsets into its UTF-8 form; undefined when there is no such task. */
  read(id: string, offset: number, maxBytes: number): TextPage | undefined;
  /** The person has been told of these results. */
  markTold(ids: readonly string[]): void;
  /** These are about to be told; resolves when that is on disk, or when the disk refused it for now. Never rejects. */
  markSent(ids: readonly string[]): Promise<void>;
  /** Nobody can have heard these: the next telling is the first. */
  markUnsent(ids: readonly string[]): void;
  /** Nobody had room for the mail of these tasks: it becomes mail again, oldest first, as others are told or given up. */
  bringAgain(ids: readonly string[]): void;
  /** Ends all runs; what they were doing counts as unfinished and is looked at by the next `resume`. */
  stop(): Promise<void>;
}

export interface TaskLimits extends RetentionLimits {
  /** Tasks that may run at once. */
  readonly maxRunning: number;
}

export interface TaskListener {
  /** A result that must still be told. At most once per task and start of the device. */
  onMail(mail: TaskMail): void;
  /** These need not be told any more; mail of them may be thrown away. */
  onTold(ids: readonly string[]): void;
  /** A result that nobody was told has been given up: too old, or too many. */
  onExpired(task: TaskSummary): void;
  onProblem(error: ClientError): void;
}

export interface TasksParts {
  readonly journal: TaskJournal;
  readonly clock: Clock;
  /** Wall-clock time, ms since 1970; for people. */
  readonly wallClock: () => number;
  readonly logger: Logger;
  readonly limits: TaskLimits;
  readonly listener: TaskListener;
}

interface Live {
  readonly id: string;
  readonly run: TaskRun;
  readonly result: Promise<TaskResult>;
  /** Who asks for the same joins it; undefined once it is being stopped. */
  key: string | undefined;
  /** Reminders wait, they do not work: they have a limit of their own. */
  readonly waits: boolean;
}

const maxWaitingReminders = 64;
/** An idempotent tool that has taken the device down so often is not begun again. */
const maxRuns = 3;
/** Mail carries no more; the rest can be read. */
const maxMailCharacters = 1000;
/** Of our own words as JSON; longer ones hold somebody else's. */
const maxWordsCharacters = 4000;

/** Reads the journal and keeps the tasks from then on. Never rejects: with a broken disk, it refuses new tasks. */
export async function openTasks({ listener, ...parts }: TasksParts): Promise<Tasks> {
  // What expires while the journal is read was no mail yet.
  let onGone: (id: string) => void = () => {};
  const store = new TaskStore({
    ...parts,
    onExpired: (task) => {
      if (task.announce !== false) listener.onExpired(summaryOf(task));
      onGone(task.id);
    },
    onProblem: (error) => listener.onProblem(error),
  });
  await store.load();
  const tasks = new RunningTasks(store, { listener, ...parts });
  onGone = (id) => tasks.forgetMail([id]);
  return tasks;
}

class RunningTasks implements Tasks {
  readonly #store: TaskStore;
  readonly #parts: TasksParts;
  readonly #live = new Map<string, Live>();
  /** How many callers wait for a task's result. */
  readonly #waiting = new Map<string, number>();
  /** Promises that are being written, by tool and arguments. */
  readonly #accepting = new Map<string, Promise<Live>>();
  /** Runs whose promises are being written. */
  #adopting = 0;
  /** Handed over as mail and not told yet. */
  readonly #posted = new Set<string>();
  /** Those of them that nobody had room for. */
  readonly #untaken = new Set<string>();
  #stopping = false;

  constructor(store: TaskStore, parts: TasksParts) {
    this.#store = store;
    this.#parts = parts;
  }

  async accept(tool: Tool, args: ToolArguments, origin: TaskOrigin): Promise<TaskHandle> {
    const key = keyOf(tool.name, args);
    if (key === undefined) throw argumentsTooLong(tool);
    // A server that repeats a call at once has no task to join yet.
    let accepting = this.#accepting.get(key);
    if (!accepting) {
      this.#refuseWhenBusy(tool);
      const begin = () => startTaskRun(tool, args, this.#parts);
      accepting = this.#promise(tool, args, begin, origin, key).finally(() => this.#accepting.delete(key));
      this.#accepting.set(key, accepting);
    }
    return this.#handle(await accepting, origin);
  }

  async adopt(tool: Tool, args: ToolArguments, run: TaskRun, origin: TaskOrigin): Promise<TaskHandle> {
    const key = keyOf(tool.name, args);
    if (key === undefined) throw argumentsTooLong(tool);
    this.#refuseWhenBusy(tool);
    this.#adopting += 1;
    const adopting = this.#promise(tool, args, () => run, origin, key);
    return this.#handle(await adopting.finally(() => (this.#adopting -= 1)), origin);
  }

  findRunning(toolName: string, args: ToolArguments, origin: TaskOrigin): TaskHandle | undefined {
    const key = keyOf(toolName, args);
    if (key === undefined) return undefined;
    for (const live of this.#live.values()) if (live.key === key) return this.#handle(live, origin);
    return undefined;
  }

  list(): readonly TaskSummary[] {
    return this.#store.all().map(summaryOf);
  }

  get(id: string): TaskRecord | undefined {
    return this.#store.get(id);
  }

  read(id: string, offset: number, maxBytes: number): TextPage | undefined {
    const task = this.#store.get(id);
    return task && pageOf(task.text, offset, maxBytes);
  }

  cancel(id: string): boolean {
    const live = this.#live.get(id);
    if (!live) return false;
    live.key = undefined;
    live.run.cancel();
    return true;
  }

  markSent(ids: readonly string[]): Promise<void> {
    return this.#store.markSent(ids);
  }

  markUnsent(ids: readonly string[]): void {
    this.#store.markUnsent(ids);
  }

  markTold(ids: readonly string[]): void {
    const told = this.#store.markTold(ids);
    if (told.length === 0) return;
    this.#parts.listener.onTold(told);
    this.forgetMail(told);
  }

  bringAgain(ids: readonly string[]): void {
    for (const id of ids) if (this.#posted.has(id)) this.#untaken.add(id);
  }

  /** These need not be told any more; there is room for as many others. */
  forgetMail(ids: readonly string[]): void {
    for (const id of ids) {
      this.#posted.delete(id);
      this.#untaken.delete(id);
    }
    for (const id of [...this.#untaken].slice(0, ids.length)) {
      this.#untaken.delete(id);
      this.#posted.delete(id);
      this.#post(id);
    }
  }

  async resume(resolveTool: (name: string) => Tool | undefined): Promise<void> {
    for (const task of this.#store.all()) {
      if (this.#live.has(task.id) || this.#waiting.has(task.id)) continue;
      if (mustBeTold(task)) this.#post(task.id);
      else if (task.state === 'running') await this.#resumeRun(task, resolveTool(task.tool));
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { run } of this.#live.values()) run.cancel();
    await Promise.all([...this.#live.values()].map(({ result }) => result));
    await this.#store.close();
  }

  async #promise(
    tool: Tool,
    args: ToolArguments,
    begin: () => TaskRun,
    { channel, announce }: TaskOrigin,
    key: string,
  ): Promise<Live> {
    const kept = announce === false ? { announce } : {};
    const { id } = await this.#store.add({ tool: tool.name, args, channel, ...kept });
    if (!this.#stopping) return this.#start(id, tool, begin(), key);
    await this.#store.change(id, { state: 'cancelled', finishedAtMs: this.#parts.wallClock() });
    throw shuttingDown();
  }

  #refuseWhenBusy({ source }: Tool): void {
    if (this.#stopping) throw shuttingDown();
    const lives = [...this.#live.values()];
    const reminders = lives.filter(({ waits }) => waits).length;
    if (source === 'builtin' && reminders >= maxWaitingReminders) throw busy(reminders);
    const working = lives.length - reminders + this.#accepting.size + this.#adopting;
    if (source !== 'builtin' && working >= this.#parts.limits.maxRunning) throw busy(working);
  }

  async #resumeRun(task: TaskRecord, tool: Tool | undefined): Promise<void> {
    const key = keyOf(task.tool, task.args);
    // A reminder only waits: however often the device went down, it was not the reminder.
    const mayRun = tool?.idempotent && (task.runs < maxRuns || tool.source === 'builtin');
    if (mayRun && key !== undefined) {
      await this.#store.change(task.id, { runs: task.runs + 1 });
      if (!this.#stopping) this.#start(task.id, tool, startTaskRun(tool, task.args, this.#parts), key);
      return;
    }
    await this.#store.change(task.id, { state: 'interrupted', finishedAtMs: this.#parts.wallClock() });
    this.#post(task.id);
  }

  #start(id: string, tool: Tool, run: TaskRun, key: string): Live {
    const result = run.result.then((outcome) => this.#settle(id, outcome));
    const live: Live = { id, run, result, key, waits: tool.source === 'builtin' };
    this.#live.set(id, live);
    return live;
  }

  async #settle(id: string, result: TaskResult): Promise<TaskResult> {
    // Ended by our own end: the next start decides what becomes of it.
    const unfinished = this.#stopping && result.kind === 'cancelled';
    if (unfinished) await this.#store.change(id, { runs: 0 });
    else await this.#store.change(id, { ...outcomeOf(result), finishedAtMs: this.#parts.wallClock() });
    this.#live.delete(id);
    this.#post(id);
    return result;
  }

  #handle({ id, result }: Live, { announce }: TaskOrigin): TaskHandle {
    let open = true;
    this.#waiting.set(id, (this.#waiting.get(id) ?? 0) + 1);
    const release = (): void => {
      if (!open) return;
      open = false;
      const others = (this.#waiting.get(id) ?? 1) - 1;
      if (others > 0) this.#waiting.set(id, others);
      else this.#waiting.delete(id);
    };
    return {
      id,
      result,
      detach: () => {
        // Whoever asks here is to hear it here, whoever asked first.
        if (open && announce !== false) void this.#store.announce(id);
        release();
        this.#post(id);
      },
      markDelivered: () => {
        this.markTold([id]);
        release();
        this.#post(id);
      },
    };
  }

  /** Hands the result over to be announced, if it has to be and nobody waits for it. */
  #post(id: string): void {
    const task = this.#store.get(id);
    if (!task || !mustBeTold(task) || this.#live.has(id)) return;
    if (this.#waiting.has(id) || this.#posted.has(id) || this.#stopping) return;
    this.#posted.add(id);
    this.#parts.listener.onMail(mailOf(task));
  }
}

function outcomeOf(result: TaskResult): Pick<TaskRecord, 'state' | 'text' | 'cutFromCharacters' | 'words'> {
  if (result.kind === 'cancelled') return { state: 'cancelled', text: '' };
  const text = result.kind === 'failed' ? result.error.message : outputText(result.output);
  const kept = firstCharacters(text, maxStoredCharacters);
  const cut = kept.length < text.length ? { cutFromCharacters: text.length } : {};
  const said = result.kind === 'failed' ? result.error.words : wordsOf(result.output);
  const words = said && JSON.stringify(said).length <= maxWordsCharacters ? { words: said } : {};
  return { state: result.kind, text: kept, ...cut, ...words };
}

function mailOf({ id, tool, state, text, words, sentAtMs }: TaskRecord): TaskMail {
  const outcome = state === 'done' || state === 'failed' ? state : 'interrupted';
  return {
    taskId: id,
    tool,
    outcome,
    text: firstCharacters(text, maxMailCharacters),
    ...(words && { words }),
    // The device ended while it told it.
    ...(sentAtMs !== undefined && { maybeTold: true }),
  };
}

function keyOf(toolName: string, args: ToolArguments): string | undefined {
  const text = canonicalArguments(args);
  return text === undefined ? undefined : `${toolName} ${text}`;
}

function busy(running: number): ClientError {
  return new ClientError(
    ErrorCode.toolBusy,
    `${running} tasks are running already, and no more can be started. Wait for one to finish, or cancel one.`,
    { retryable: true },
  );
}

function argumentsTooLong({ name }: Tool): ClientError {
  return new ClientError(
    ErrorCode.toolArgumentsInvalid,
    `The arguments for ${name} are too long or too deeply nested for a background task. Use shorter ones.`,
  );
}

function shuttingDown(): ClientError {
  return new ClientError(ErrorCode.toolCancelled, 'The device is shutting down. Ask again when it is back.', {
    retryable: true,
    words: words('shuttingDown'),
  });
}
