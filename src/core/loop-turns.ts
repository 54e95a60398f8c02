const waiting: (() => void)[] = [];
let taken = false;

/** Undefined: now. */
export type NextTurn = () => Promise<void> | undefined;

/**
 * Undefined: now. When somebody else was let through in this turn of the event loop, it resolves in a later turn, in order
 * of arrival. Work of some milliseconds waits for it, so that a burst of it never holds up a frame of sound.
 */
export function nextLoopTurn(): ReturnType<NextTurn> {
  if (taken) return new Promise((resolve) => waiting.push(resolve));
  take();
  return undefined;
}

function take(): void {
  taken = true;
  setImmediate(() => {
    taken = false;
    const next = waiting.shift();
    if (!next) return;
    take();
    next();
  });
}
