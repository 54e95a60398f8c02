import type { Clock, TimerHandle } from '../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { inWords, secondsIn, words } from '../core/words.ts';
import type { Tool, ToolArguments, ToolOutput } from './tool.ts';

export type TaskResult =
  | { readonly kind: 'done'; readonly output: ToolOutput }
  | { readonly kind: 'failed'; readonly error: ClientError }
  | { readonly kind: 'cancelled' };

export interface TaskRun {
  /** Never rejects. Comes at the latest a grace period after the deadline or `cancel`, whatever the tool does. */
  readonly result: Promise<TaskResult>;
  /** Idempotent; the result will be `cancelled`. */
  cancel(): void;
}

export interface TaskRunParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `false`: whoever called does not hear this loudspeaker. */
  readonly announce?: boolean | undefined;
}

/** How long a run that was told to end may take for it (a child gets SIGTERM, then SIGKILL). */
const graceMs = 5000;
/** Longest delay a timer of Node can hold; a reminder may be further away. */
const longestTimerMs = 2 ** 31 - 1;

/** Begins the run, in this turn, under the tool's time limit. */
export function startTaskRun(
  tool: Tool,
  args: ToolArguments,
  { clock, logger, announce }: TaskRunParts,
): TaskRun {
  let abort: AbortController | undefined;
  let reason: ClientError | undefined;
  const deadlineMs = clock.now() + tool.timeoutMs;
  let ending: 'cancel' | 'deadline' | undefined;
  let deadlineTimer: TimerHandle;
  let graceTimer: TimerHandle;
  let resolveResult: (result: TaskResult) => void;
  const result = new Promise<TaskResult>((resolve) => {
    resolveResult = resolve;
  });

  const finish = (outcome: TaskResult): void => {
    clock.clearTimeout(deadlineTimer);
    clock.clearTimeout(graceTimer);
    resolveResult(outcome);
  };
  const end = (why: 'cancel' | 'deadline'): void => {
    if (ending !== undefined) return;
    ending = why;
    if (why === 'deadline')
      logger.info('A tool was stopped at its time limit (timeout_ms, timeoutMs)', {
        tool: tool.name,
        timeoutMs: tool.timeoutMs,
      });
    graceTimer = clock.setTimeout(() => {
      logger.warn('A tool does not end although it was told to; its result will be ignored', {
        tool: tool.name,
      });
      finish(why === 'cancel' ? { kind: 'cancelled' } : timedOut(tool));
    }, graceMs);
    reason =
      why === 'cancel'
        ? new ClientError(ErrorCode.toolCancelled, 'The task was cancelled.', { words: words('cancelled') })
        : timeoutError(tool);
    abort?.abort(reason);
  };
  // Made when the tool asks for it: the device's own tools rarely do, and it costs as much as the rest of their call.
  const signal = (): AbortSignal => {
    if (!abort) {
      abort = new AbortController();
      if (ending) abort.abort(reason);
    }
    return abort.signal;
  };
  const armDeadline = (): void => {
    const leftMs = deadlineMs - clock.now();
    const due = () => (clock.now() < deadlineMs ? armDeadline() : end('deadline'));
    deadlineTimer = clock.setTimeout(due, Math.min(leftMs, longestTimerMs));
  };

  armDeadline();
  const context = {
    get signal() {
      return signal();
    },
    deadlineMs,
    announce,
    get log() {
      return logger.child(tool.name);
    },
  };
  runSafely(tool, args, context).then(
    (output) => finish(ending === 'cancel' ? { kind: 'cancelled' } : { kind: 'done', output }),
    (thrown) => {
      if (ending === 'cancel') return finish({ kind: 'cancelled' });
      // A run that was stopped may call it whatever it likes.
      const ownReason = thrown instanceof ClientError && thrown.code !== ErrorCode.toolCancelled;
      if (ending === 'deadline' && !ownReason) return finish(timedOut(tool));
      if (thrown instanceof ClientError) return finish({ kind: 'failed', error: thrown });
      logger.error('A tool threw what no tool should', {
        tool: tool.name,
        message: messageOf(thrown),
        cause: thrown,
      });
      finish({ kind: 'failed', error: brokenTool(tool, thrown) });
    },
  );
  return { result, cancel: () => end('cancel') };
}

/** Synchronous throws become rejections. */
function runSafely(...[tool, args, context]: [Tool, ...Parameters<Tool['run']>]): Promise<ToolOutput> {
  return new Promise((resolve) => resolve(tool.run(args, context)));
}

function timedOut(tool: Tool): TaskResult {
  return { kind: 'failed', error: timeoutError(tool) };
}

function timeoutError({ name, timeoutMs }: Tool): ClientError {
  const time = secondsIn(Math.round(timeoutMs / 100) / 10);
  return new ClientError(
    ErrorCode.toolTimeout,
    `${name} did not finish within ${inWords(time, 'en')} and was stopped. Try it with less.`,
    { retryable: true, words: words('timedOut', { time }) },
  );
}

function brokenTool({ name }: Tool, cause: unknown): ClientError {
  return new ClientError(
    ErrorCode.toolFailed,
    `${name} failed because of a fault in this program. The log has the details.`,
    { cause, words: words('fault') },
  );
}
