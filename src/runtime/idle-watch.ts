import type { IdleSignal } from '../ports/idle-signal.ts';

/** Whether nobody talks, for those who wait for it; a device tells it with `set`. Busy until told otherwise. */
export interface IdleWatch extends IdleSignal {
  set(isIdle: boolean): void;
}

export function createIdleWatch(): IdleWatch {
  const listeners = new Set<() => void>();
  let idle = false;
  return {
    get isIdle() {
      return idle;
    },
    onIdle(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(isIdle) {
      if (isIdle === idle) return;
      idle = isIdle;
      if (idle) for (const listener of [...listeners]) listener();
    },
  };
}
