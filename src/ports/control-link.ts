import type { ClientError } from '../core/errors.ts';
import type { ChannelEnd } from './session-transport.ts';

/** Called synchronously, in the order of the wire. None may throw. */
export interface ControlLinkHandlers {
  /** The server has taken us: it has said something, or has kept the connection for a moment. At most once. */
  onUp(): void;
  /** One message that belongs to no session; its members are not checked. */
  onMessage(json: Readonly<Record<string, unknown>>): void;
  /** A message that could not be used; the link goes on. */
  onProblem(error: ClientError): void;
  /** The link could not be made, or broke. Exactly once unless `close` was first; nothing follows it. */
  onEnd(end: ChannelEnd): void;
}

/**
 * A connection for control messages that outlives conversations (firmware D5): over it the server reaches the tools, shows
 * alerts and may begin to speak while the device is idle. For one use; a new attempt is a new object. Sessions made by
 * the same factory share the connection, in whatever order link and sessions come and go.
 */
export interface ControlLink {
  /** A longer message would cost the connection; see `SessionTransport.maxMessageBytes`. */
  readonly maxMessageBytes: number;
  /** Connects; never throws. Everything else arrives through the handlers, none of it within the call. */
  open(handlers: ControlLinkHandlers): void;
  /** One JSON object as compact text, outside of a session. False when it could not be handed to the network. */
  sendText(text: string): boolean;
  /** Lets go; idempotent, silences all handlers. A session that is open keeps the connection until it is closed. */
  close(): Promise<void>;
}

export interface ControlLinkFactory {
  createLink(): ControlLink;
}
