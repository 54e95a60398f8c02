import type { NextTurn } from '../core/loop-turns.ts';

/** A place among those that may work at once. */
export interface Slot {
  /** Resolves when it is this one's turn; undefined: now. */
  readonly granted: Promise<void> | undefined;
  /** Makes room for the next. Before it was granted, it is given on as soon as it is. Idempotent. */
  leave(): void;
}

/** Lets `count` through at once, in order of arrival and one in a turn of the event loop. */
export function createSlots(count: number, nextTurn: NextTurn): { enter(): Slot } {
  const waiting: (() => void)[] = [];
  let free = count;

  function release(): void {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }

  function slot(turn: Promise<void> | undefined): Slot {
    let state: 'waiting' | 'granted' | 'left' = turn ? 'waiting' : 'granted';
    const granted = turn?.then(() => {
      if (state === 'left') release();
      else state = 'granted';
      return nextTurn();
    });
    return {
      granted: granted ?? nextTurn(),
      leave() {
        if (state === 'granted') release();
        state = 'left';
      },
    };
  }

  return {
    enter() {
      if (free === 0) return slot(new Promise((resolve) => waiting.push(resolve)));
      free -= 1;
      return slot(undefined);
    },
  };
}
