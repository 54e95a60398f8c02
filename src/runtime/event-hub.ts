import type { StatusDisplay, StatusEvent } from '../ports/status-display.ts';

/** A display that others can look over the shoulder of. */
export interface EventHub extends StatusDisplay {
  /** Told each event after the display. Returns the unsubscription. Listeners must not throw. */
  subscribe(listener: (event: StatusEvent) => void): () => void;
}

export function createEventHub(display: StatusDisplay): EventHub {
  const listeners = new Set<(event: StatusEvent) => void>();
  return {
    show(event) {
      display.show(event);
      for (const listener of listeners) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
