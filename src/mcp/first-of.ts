import type { Clock, TimerHandle } from '../core/clock.ts';
import type { Caller } from './caller.ts';
import type { TaskResult } from './task-run.ts';

/** Who calls, and how long there is somebody to answer. */
export interface CallOrigin {
  /** `device`, or the name of another way in; in events and with tasks. */
  readonly channel: string;
  /** Not given: waits as long as it takes. */
  readonly caller?: Caller;
  /** An answer that comes later would be mistaken for another (servers.md 1.10), so the call is handed over by then. */
  readonly replyWithinMs?: number;
  /** Which tools this way in may use, beside the access list of all; not given: every one. */
  readonly permits?: (toolName: string) => boolean;
  /** `false`: what is handed over is not announced here. */
  readonly announce?: boolean | undefined;
}

export type Outcome =
  | { readonly kind: 'settled'; readonly result: TaskResult }
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'cancelled' };

/** What comes first: the result, the caller's end, or the limit (`Infinity`: none). */
export function firstOf(
  result: Promise<TaskResult>,
  { caller }: CallOrigin,
  limitMs: number,
  clock: Clock,
): Promise<Outcome> {
  if (caller?.ended) return Promise.resolve({ kind: caller.ended });
  return new Promise((resolve) => {
    let timer: TimerHandle;
    const finish = (outcome: Outcome): void => {
      clock.clearTimeout(timer);
      if (caller) caller.onEnd = undefined;
      resolve(outcome);
    };
    if (caller) caller.onEnd = (kind) => finish({ kind });
    if (limitMs !== Number.POSITIVE_INFINITY)
      timer = clock.setTimeout(() => finish({ kind: 'late' }), limitMs);
    void result.then((settled) => finish({ kind: 'settled', result: settled }));
  });
}
