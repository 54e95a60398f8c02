import type { TaskResult, TaskRun } from './task-run.ts';

/** Lets one at a time through per key, in order of arrival; keys do not wait for each other. */
export interface Lanes {
  /** Resolves with the release when it is this one's turn. Every release must be called, once. */
  enter(key: string): Promise<() => void>;
}

export function createLanes(): Lanes {
  const tails = new Map<string, Promise<void>>();
  return {
    async enter(key) {
      const before = tails.get(key);
      let release = () => {};
      const tail = new Promise<void>((resolve) => {
        release = resolve;
      });
      tails.set(key, tail);
      await before;
      return () => {
        if (tails.get(key) === tail) tails.delete(key);
        release();
      };
    },
  };
}

/** Comes with its release when it is one's turn, or is the release when it is now. */
export type Turn = Promise<() => void> | (() => void);

/** A run that begins at its turn; cancelled before that, it never begins. */
export function queuedRun(turn: Turn, start: () => TaskRun): TaskRun {
  let begun: TaskRun | undefined;
  let cancelled = false;
  let settle: (result: TaskResult) => void;
  const result = new Promise<TaskResult>((resolve) => {
    settle = resolve;
  });
  const begin = async (release: () => void): Promise<void> => {
    if (!cancelled) {
      begun = start();
      settle(await begun.result);
    }
    release();
  };
  if (typeof turn === 'function') void begin(turn);
  else void turn.then(begin);
  return {
    result,
    cancel() {
      cancelled = true;
      if (begun) begun.cancel();
      else settle({ kind: 'cancelled' });
    },
  };
}
