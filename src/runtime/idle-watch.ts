import type { IdleSignal } from '../ports/idle-signal.ts';
import type { EventHub } from './event-hub.ts';

/** Follows the events of a device that has not been started yet. */
export function watchIdle(events: EventHub): IdleSignal {
  const listeners = new Set<() => void>();
  let state: 'idle' | 'busy' = 'busy';
  events.subscribe((event) => {
    if (event.type !== 'state') return;
    state = event.to === 'idle' ? 'idle' : 'busy';
    if (state === 'idle') for (const listener of [...listeners]) listener();
  });
  return {
    get isIdle() {
      return state === 'idle';
    },
    onIdle(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
