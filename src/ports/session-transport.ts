import type { ClientError } from '../core/errors.ts';

export interface SessionInfo {
  readonly sessionId: string;
  /** What the server's hello promised for the downlink; packets themselves are believed more than this. */
  readonly sampleRateHz: number;
  readonly frameDurationMs: number;
}

/** Why a channel ended. `normal`: somebody hung up, and nothing is wrong. */
export interface ChannelEnd {
  readonly normal: boolean;
  /** Present unless `normal`. */
  readonly error?: ClientError | undefined;
  /** For people and logs: who closed, with code and reason where the wire has them. */
  readonly description: string;
}

/** Called synchronously, in the order of the wire. None may throw. */
export interface TransportHandlers {
  /** The server has said hello: the channel is open. Again, with new values, for each further hello. */
  onSession(info: SessionInfo): void;
  /** One message that is not the transport's own business; its members are not checked. May come before the hello. */
  onMessage(json: Readonly<Record<string, unknown>>): void;
  /**
   * One Opus packet and the sender's timestamp in ms (0 where the wire has none). The bytes are lent. `sequence` grows by
   * one per packet of the session; undefined where the wire keeps the order and loses nothing.
   */
  onAudio(packet: Uint8Array, timestampMs: number, sequence?: number): void;
  /** A frame or message that could not be used; the channel goes on. */
  onProblem(error: ClientError): void;
  /** The channel could not be opened, or ended. Exactly once unless `close` was first; nothing follows it. */
  onEnd(end: ChannelEnd): void;
}

/**
 * One audio channel to the server, for one use: open, talk, close. A new channel is a new object, so a late callback of
 * an old socket has nobody to disturb (firmware C32).
 */
export interface SessionTransport {
  readonly kind: 'websocket' | 'mqtt';
  /**
   * Longest text in UTF-8 bytes that the server takes; undefined where nobody minds. A longer one is not sent but reported
   * as a problem, because servers end the connection over it.
   */
  readonly maxMessageBytes?: number;
  /** Audio packets that were not taken so far, by reason; absent where only the server can send any. */
  readonly rejected?: Readonly<Record<string, number>> | undefined;
  /** Connects and says hello; never throws. Everything else arrives through the handlers, none of it within the call. */
  open(handlers: TransportHandlers): void;
  /** One JSON object as compact text. False when it could not be handed to the network. */
  sendText(text: string): boolean;
  /** False when the packet was dropped because the socket is backed up: late audio is lost audio. */
  sendAudio(packet: Uint8Array, timestampMs: number): boolean;
  /** Ends the channel from our side; idempotent, cancels an open, resolves when nothing of it is left. Silences all handlers. */
  close(): Promise<void>;
}

export interface TransportFactory {
  create(): SessionTransport;
}
