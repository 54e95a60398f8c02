import type { ContentBlock } from '@modelcontextprotocol/server';
import type { Clock } from '../core/clock.ts';
import { ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { type NextTurn, nextLoopTurn } from '../core/loop-turns.ts';
import { printableText } from '../core/printable-text.ts';
import { words } from '../core/words.ts';
import type { AccessList } from './access-list.ts';
import { checkArguments } from './arguments.ts';
import { findFinished } from './finished-result.ts';
import { type CallOrigin, firstOf } from './first-of.ts';
import type { ToolRegistry } from './registry.ts';
import { contentOf, contentWithin, type ResultPointer } from './result.ts';
import type { ResultShelf } from './result-shelf.ts';
import { createRunQueue, type QueuedRun } from './run-queue.ts';
import { canonicalArguments } from './task-arguments.ts';
import { startTaskRun, type TaskResult, type TaskRun } from './task-run.ts';
import type { TaskHandle, TaskKeeper, Tasks } from './tasks.ts';
import type { Tool, ToolArguments, ToolMode, ToolOutput } from './tool.ts';

export type { CallOrigin };

export type CallReply =
  | {
      readonly kind: 'content';
      readonly content: readonly ContentBlock[];
      /** The same with at most so many bytes of the result; what cannot be cut is told of. */
      readonly within: (maxBytes: number) => readonly ContentBlock[];
      /** What the tool gave, uncut; absent when the reply only tells that a task goes on. */
      readonly output?: ToolOutput;
      /** To be called when the reply could not be sent: the result becomes mail. */
      readonly lost: () => void;
    }
  | { readonly kind: 'failure'; readonly error: ClientError }
  /** The call was taken back, or its channel is gone: nothing must be sent. */
  | { readonly kind: 'nobody' };

/** Fields of the `tool` events (contract.md §3). */
export interface ToolEvent {
  readonly type: 'tool';
  readonly phase: 'called' | 'replied' | 'handed-over' | 'completed' | 'failed' | 'cancelled';
  readonly name: string;
  readonly mode: ToolMode;
  readonly channel: string;
  readonly task?: string;
  /** Since the call. */
  readonly ms?: number;
}

export interface DispatcherParts {
  readonly registry: ToolRegistry;
  readonly access: AccessList;
  readonly keeper: TaskKeeper & Pick<Tasks, 'markTold'>;
  readonly shelf: ResultShelf;
  readonly clock: Clock;
  /** Wall-clock time, ms since 1970: the age of earlier results. */
  readonly wallClock: () => number;
  readonly logger: Logger;
  /** Must not throw. */
  readonly onEvent: (event: ToolEvent) => void;
  /** Calls that wait for their reply; more are refused. */
  readonly maxWaitingCalls?: number;
  /** `nextLoopTurn` when not given. */
  readonly nextTurn?: NextTurn;
}

export interface Dispatcher {
  /** Never rejects. */
  call(name: string, args: ToolArguments, origin: CallOrigin): Promise<CallReply>;
  /** Cancels what runs and resolves when it has ended; tasks are the keeper's. */
  close(): Promise<void>;
}

/** A call on its way through. */
interface Call {
  readonly tool: Tool;
  readonly args: ToolArguments;
  readonly origin: CallOrigin;
  readonly startedMs: number;
}

const longestNameInEvents = 100;
/** What the rest of a long result is read with. */
const readTool = 'self.tasks.read';

/** A run that is no task (yet), with all the calls that wait for it. */
interface Running extends QueuedRun {
  readonly call: Call;
  waiting: number;
  /** Whether anybody who waits is to be told here what comes later. */
  announce: boolean;
  /** Set once it has been handed over. */
  task?: Promise<TaskHandle>;
}

/** Runs calls in their modes (architecture §6) and says what is to be answered, and when nothing is. */
export function createDispatcher(parts: DispatcherParts): Dispatcher {
  const { registry, access, keeper, shelf, clock, wallClock, logger, maxWaitingCalls = 256 } = parts;
  const queue = createRunQueue(parts.nextTurn ?? nextLoopTurn);
  const running = new Set<Running>();
  const joinable = new Map<string, Running>();
  let waitingCalls = 0;
  let closed = false;

  function emit({ tool, origin, startedMs }: Call, phase: ToolEvent['phase'], task?: string): void {
    const { name, mode } = tool;
    const ms = Math.round(clock.now() - startedMs);
    parts.onEvent({
      type: 'tool',
      phase,
      name,
      mode,
      channel: origin.channel,
      ...(task !== undefined && { task }),
      ...(phase !== 'called' && { ms }),
    });
  }

  function emitEnd(call: Call, result: TaskResult, task?: string): void {
    emit(call, result.kind === 'done' ? 'completed' : result.kind, task);
  }

  async function dispatch(name: string, args: ToolArguments, origin: CallOrigin): Promise<CallReply> {
    const tool = registry.find(name);
    const call = admit(tool, name, args, origin);
    emit(call, 'called');
    waitingCalls += 1;
    try {
      return replied(call, await answer(call));
    } catch (thrown) {
      return replied(call, failure(thrown));
    } finally {
      waitingCalls -= 1;
    }
  }

  /** The call, if it may be made at all. */
  function admit(tool: Tool | undefined, name: string, args: ToolArguments, origin: CallOrigin): Call {
    try {
      if (!tool || !access.permits(name) || origin.permits?.(name) === false) throw unknownTool(name);
      const checked = checkArguments(tool, args);
      if (closed || waitingCalls >= maxWaitingCalls) throw busy(tool);
      return { tool, args: checked, origin, startedMs: clock.now() };
    } catch (thrown) {
      const shownName = printableText(name, longestNameInEvents);
      parts.onEvent({
        type: 'tool',
        phase: 'failed',
        name: shownName,
        mode: tool?.mode ?? 'sync',
        channel: origin.channel,
        ms: 0,
      });
      throw thrown;
    }
  }

  function replied(call: Call, reply: CallReply): CallReply {
    if (reply.kind !== 'nobody') emit(call, 'replied');
    return reply;
  }

  async function answer(call: Call): Promise<CallReply> {
    const { tool } = call;
    if (tool.source === 'builtin' && tool.mode === 'sync') return await runAlone(call);
    const known = keeper.findRunning(tool.name, call.args, call.origin);
    if (known) return await joinTask(call, known);
    if (tool.mode === 'background') return await startTask(call);
    const finished = handOutFinished(call);
    if (finished) return finished;
    return tool.mode === 'async' ? await runShared(call) : await runAlone(call);
  }

  async function startTask(call: Call): Promise<CallReply> {
    const { tool, args, origin } = call;
    const handle = await keeper.accept(tool, args, origin);
    handle.detach();
    void handle.result.then((result) => emitEnd(call, result, handle.id));
    if (origin.caller?.ended === 'cancelled') {
      keeper.cancel(handle.id);
      return { kind: 'nobody' };
    }
    return origin.caller?.ended ? { kind: 'nobody' } : status('started', handle.id);
  }

  /** The same call again while the first is a task: wait for it as for a run of one's own. */
  async function joinTask(call: Call, handle: TaskHandle): Promise<CallReply> {
    if (call.tool.mode === 'background') {
      handle.detach();
      return status('running', handle.id);
    }
    const outcome = await firstOf(handle.result, call.origin, replyLimitMs(call), clock);
    if (outcome.kind === 'settled') handle.markDelivered();
    else handle.detach();
    if (outcome.kind === 'late') return status('running', handle.id);
    return outcome.kind === 'settled' ? contentReply(call, outcome.result, handle.id) : { kind: 'nobody' };
  }

  /** The result of an earlier such call that nobody has heard yet; once. */
  function handOutFinished(call: Call): CallReply | undefined {
    const finished =
      call.tool.mode === 'async' && findFinished(keeper, call.tool.name, call.args, wallClock());
    if (!finished) return undefined;
    keeper.markTold([finished.id]);
    const output = { kind: 'text', text: finished.text } as const;
    return contentReply(call, { kind: 'done', output }, finished.id);
  }

  /** `sync`: one at a time per tool, unless it says that it can do several. */
  async function runAlone(call: Call): Promise<CallReply> {
    return await awaitRun(call, begin(call, { alone: !call.tool.parallel }));
  }

  /** `async`: whoever makes the same call meanwhile waits for the same run. */
  async function runShared(call: Call): Promise<CallReply> {
    const canonical = canonicalArguments(call.args);
    const key = canonical === undefined ? undefined : `${call.tool.name} ${canonical}`;
    const known = key === undefined ? undefined : joinable.get(key);
    if (known?.call.tool === call.tool) return await awaitRun(call, known);
    const run = begin(call, { alone: false });
    if (key !== undefined) {
      joinable.set(key, run);
      void run.run.result.then(() => joinable.get(key) === run && joinable.delete(key));
    }
    return await awaitRun(call, run);
  }

  function begin(call: Call, { alone }: { alone: boolean }): Running {
    const { tool, args, origin } = call;
    const { announce } = origin;
    const queued = queue.enter(tool, alone, () => startTaskRun(tool, args, { clock, logger, announce }));
    const started: Running = { call, ...queued, waiting: 0, announce: false };
    running.add(started);
    void queued.run.result.then(async (result) => {
      running.delete(started);
      const task = await started.task?.catch(() => undefined);
      emitEnd(call, result, task?.id);
    });
    return started;
  }

  async function awaitRun(call: Call, started: Running): Promise<CallReply> {
    started.waiting += 1;
    started.announce ||= call.origin.announce !== false;
    const outcome = await firstOf(started.run.result, call.origin, replyLimitMs(call), clock);
    started.waiting -= 1;
    switch (outcome.kind) {
      case 'settled':
        return contentReply(call, outcome.result);
      case 'late':
        return status('running', (await handOver(started)).id);
      case 'gone':
        await keepForLater(call, started);
        return { kind: 'nobody' };
      case 'cancelled':
        if (started.waiting === 0 && !started.task) started.run.cancel();
        return { kind: 'nobody' };
    }
  }

  /** Makes the run a task whose result is mail; once, however many calls wait for it. */
  function handOver(started: Running): Promise<TaskHandle> {
    started.task ??= adopt(started.call, started.run, started.announce).then(
      (task) => {
        started.leaveSlot();
        return task;
      },
      (thrown: unknown) => {
        // A result that nobody would ever hear of must not go on being worked for.
        started.run.cancel();
        throw thrown;
      },
    );
    return started.task;
  }

  async function adopt(call: Call, run: TaskRun, announce: boolean): Promise<TaskHandle> {
    const { tool, args, origin } = call;
    const handle = await keeper.adopt(tool, args, run, { channel: origin.channel, announce });
    handle.detach();
    emit(call, 'handed-over', handle.id);
    return handle;
  }

  async function keepForLater(call: Call, started: Running): Promise<void> {
    if (started.waiting > 0) return;
    if (call.tool.source === 'builtin') {
      started.run.cancel();
      return;
    }
    try {
      await handOver(started);
    } catch (thrown) {
      logger.warn('The result of a call whose channel is gone cannot be kept', {
        tool: call.tool.name,
        code: toClientError(thrown).code,
      });
    }
  }

  function contentReply(call: Call, result: TaskResult, taskId?: string): CallReply {
    const { tool } = call;
    if (result.kind === 'failed') return { kind: 'failure', error: result.error };
    if (result.kind === 'cancelled') return { kind: 'failure', error: wasCancelled(tool) };
    const mayReadOn = access.permits(readTool) && call.origin.permits?.(readTool) !== false;
    let pointer: ResultPointer | undefined;
    const keep = (text: string) => {
      if (mayReadOn) pointer ??= { taskId: taskId ?? shelf.put(tool.name, text) };
      return pointer;
    };
    return {
      kind: 'content',
      content: contentOf(result.output, tool.maxResultBytes, keep),
      within: (maxBytes) => contentWithin(result.output, Math.min(maxBytes, tool.maxResultBytes), keep),
      output: result.output,
      lost: () => {
        if (tool.source === 'builtin') return;
        const finished: TaskRun = { result: Promise.resolve(result), cancel: () => {} };
        adopt(call, finished, call.origin.announce !== false).catch((thrown: unknown) =>
          logger.warn('A result that could not be sent cannot be kept either', {
            tool: tool.name,
            code: toClientError(thrown).code,
          }),
        );
      },
    };
  }

  return {
    call: (name, args, origin) => dispatch(name, args, origin).catch(failure),
    async close() {
      closed = true;
      const open = [...running].filter(({ task }) => task === undefined);
      for (const { run } of open) run.cancel();
      await Promise.all(open.map(({ run }) => run.result));
    },
  };
}

/** How long the caller can be kept waiting. */
function replyLimitMs({ tool, origin }: Call): number {
  const handoffMs = tool.mode === 'async' ? tool.handoffMs : Number.POSITIVE_INFINITY;
  return Math.min(handoffMs, origin.replyWithinMs ?? Number.POSITIVE_INFINITY);
}

function status(word: 'started' | 'running', taskId: string): CallReply {
  const text = JSON.stringify({ status: word, task_id: taskId });
  const content = [{ type: 'text', text }] as const;
  return { kind: 'content', content, within: () => content, lost: () => {} };
}

const failure = (thrown: unknown): CallReply => ({ kind: 'failure', error: toClientError(thrown) });

const unknownTool = (name: string): ClientError =>
  new ClientError(ErrorCode.toolUnknown, `Unknown tool: ${name.slice(0, 100)}`);

const wasCancelled = ({ name }: Tool): ClientError =>
  new ClientError(ErrorCode.toolCancelled, `The call of ${name} was cancelled.`, {
    words: words('cancelled'),
  });

const busy = ({ name }: Tool): ClientError =>
  new ClientError(
    ErrorCode.toolBusy,
    `The device is working on too many calls; call ${name} again when one of them has ended.`,
    { retryable: true },
  );
