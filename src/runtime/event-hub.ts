import type { KnownSecrets } from '../core/secrets.ts';
import type { StatusDisplay, StatusEvent } from '../ports/status-display.ts';

/** A display that others can look over the shoulder of. */
export interface EventHub extends StatusDisplay {
  /** Told each event after the display. Returns the unsubscription. Listeners must not throw. */
  subscribe(listener: (event: StatusEvent) => void): () => void;
}

/** `secrets`: what no event may tell, whoever's words it quotes. */
export function createEventHub(
  display: StatusDisplay,
  secrets: Pick<KnownSecrets, 'hide'> = { hide: (text) => text },
): EventHub {
  const listeners = new Set<(event: StatusEvent) => void>();
  return {
    show(given) {
      const event = withoutKnownSecrets(given, secrets);
      display.show(event);
      for (const listener of listeners) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What was said in the conversation stays as it was said; sentences of ours and of servers do not. */
export function withoutKnownSecrets(event: StatusEvent, { hide }: Pick<KnownSecrets, 'hide'>): StatusEvent {
  if (event.type !== 'error' && event.type !== 'alert') return event;
  return { ...event, message: hide(event.message) };
}
