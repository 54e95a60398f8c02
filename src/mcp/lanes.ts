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

/** A run that begins at its turn; cancelled before that, it never begins. */
export function queuedRun(turn: Promise<() => void>, start: () => TaskRun): TaskRun {
  let begun: TaskRun | undefined;
  let cancelled = false;
  let settle: (result: TaskResult) => void;
  const result = new Promise<TaskResult>((resolve) => {
    settle = resolve;
  });
  void turn.then(async (release) => {
    if (!cancelled) {
      begun = start();
      settle(await begun.result);
    }
    release();
  });
  return {
    result,
    cancel() {
      cancelled = true;
      if (begun) begun.cancel();
      else settle({ kind: 'cancelled' });
    },
  };
}
