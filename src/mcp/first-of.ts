import type { Clock, TimerHandle } from '../core/clock.ts';
import type { TaskResult } from './task-run.ts';

/** Who calls, and how long there is somebody to answer. */
export interface CallOrigin {
  /** `device`, or the name of another way in; in events and with tasks. */
  readonly channel: string;
  /** Aborted when the caller takes the call back. */
  readonly cancelled?: AbortSignal;
  /** Aborted when nobody can be answered any more. */
  readonly gone?: AbortSignal;
  /** An answer that comes later would be mistaken for another (servers.md 1.10), so the call is handed over by then. */
  readonly replyWithinMs?: number;
}

export type Outcome =
  | { readonly kind: 'settled'; readonly result: TaskResult }
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'cancelled' };

/** What comes first: the result, the caller's end, or the limit (`Infinity`: none). */
export function firstOf(
  result: Promise<TaskResult>,
  { cancelled, gone }: CallOrigin,
  limitMs: number,
  clock: Clock,
): Promise<Outcome> {
  if (cancelled?.aborted) return Promise.resolve({ kind: 'cancelled' });
  if (gone?.aborted) return Promise.resolve({ kind: 'gone' });
  return new Promise((resolve) => {
    let timer: TimerHandle;
    const finish = (outcome: Outcome): void => {
      clock.clearTimeout(timer);
      cancelled?.removeEventListener('abort', onCancelled);
      gone?.removeEventListener('abort', onGone);
      resolve(outcome);
    };
    const onCancelled = () => finish({ kind: 'cancelled' });
    const onGone = () => finish({ kind: 'gone' });
    cancelled?.addEventListener('abort', onCancelled, { once: true });
    gone?.addEventListener('abort', onGone, { once: true });
    if (limitMs !== Number.POSITIVE_INFINITY)
      timer = clock.setTimeout(() => finish({ kind: 'late' }), limitMs);
    void result.then((settled) => finish({ kind: 'settled', result: settled }));
  });
}
