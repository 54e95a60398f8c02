import type { Clock, TimerHandle } from '../../core/clock.ts';

export interface ChangeNotice {
  /** Something changed: told at once, or when the last telling is long enough ago; what comes in between is told once. */
  changed(): void;
  /** Nothing is told any more. */
  stop(): void;
}

export function createChangeNotice(clock: Clock, periodMs: number, onChange: () => void): ChangeNotice {
  let quietUntilMs = Number.NEGATIVE_INFINITY;
  let timer: TimerHandle;
  let stopped = false;
  const tell = () => {
    timer = undefined;
    quietUntilMs = clock.now() + periodMs;
    onChange();
  };
  return {
    changed() {
      if (stopped || timer !== undefined) return;
      const waitMs = quietUntilMs - clock.now();
      if (waitMs <= 0) tell();
      else timer = clock.setTimeout(tell, waitMs);
    },
    stop() {
      stopped = true;
      clock.clearTimeout(timer);
      timer = undefined;
    },
  };
}
