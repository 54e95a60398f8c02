import type { SessionTransport } from '../ports/session-transport.ts';

/**
 * The channel that is open now, as the effects see it: where control messages go and under which session id. Without a
 * channel, messages fall on the floor and `send` says so.
 */
export class Wire {
  sessionId = '';
  #transport: SessionTransport | undefined;
  readonly #onSendFailed: () => void;

  /** `onSendFailed`: an open channel did not take a control message; the conversation cannot go on (firmware C40). */
  constructor(onSendFailed: () => void) {
    this.#onSendFailed = onSendFailed;
  }

  attach(transport: SessionTransport, sessionId: string): void {
    this.#transport = transport;
    this.sessionId = sessionId;
  }

  /** Ignored unless `transport` is the one attached: a channel that ends late must not detach its successor. */
  detach(transport: SessionTransport): void {
    if (this.#transport === transport) this.#transport = undefined;
  }

  send(text: string): boolean {
    if (!this.#transport) return false;
    if (this.#transport.sendText(text)) return true;
    this.#onSendFailed();
    return false;
  }
}
