import type { Clock, TimerHandle } from '../core/clock.ts';
import type { IdleSignal } from '../ports/idle-signal.ts';

/** In which access points, and a conversation that begins at once, find their servers. */
const settleMs = 1_000;
/** A device that does not become ready keeps nobody longer. */
const lateMs = 5_000;

/**
 * Resolves when the device has been ready for a moment: who takes much of the processor begins then. Never resolves after
 * `signal` is aborted: what is stopped early must not begin.
 */
export function startIsOver(idle: IdleSignal, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let settling: TimerHandle;
    const stopWaiting = idle.onIdle(() => {
      stopWaiting();
      settling = clock.setTimeout(over, settleMs);
    });
    const late = clock.setTimeout(over, lateMs);
    signal.addEventListener('abort', forget, { once: true });

    function over(): void {
      forget();
      resolve();
    }

    function forget(): void {
      stopWaiting();
      clock.clearTimeout(settling);
      clock.clearTimeout(late);
      signal.removeEventListener('abort', forget);
    }
  });
}
