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

/** Called synchronously, in the order of the wire; install them before `open`. None may throw. */
export interface TransportHandlers {
  /** One text message, not parsed. */
  onText(text: string): void;
  /** One Opus packet and the sender's timestamp in ms (0 where the wire has none). The bytes are lent. */
  onAudio(packet: Uint8Array, timestampMs: number): void;
  /** A frame or message that could not be used; the channel goes on. */
  onProblem(error: ClientError): void;
  /** At most once, only after `open` has resolved, never after `close`. */
  onEnd(end: ChannelEnd): void;
}

/**
 * One audio channel to the server, for one use: open, talk, close. A new channel is a new object, so a late callback of
 * an old socket has nobody to disturb (firmware C32).
 */
export interface SessionTransport {
  readonly kind: 'websocket' | 'mqtt';
  /** True where audio and control travel separately, so that audio may arrive before the `tts start` it belongs to. */
  readonly audioMayOvertakeControl: boolean;
  /** Connects and says hello. Rejects with a ClientError; an abort rejects too. */
  open(handlers: TransportHandlers, signal: AbortSignal): Promise<SessionInfo>;
  /** One JSON object as compact text. False when it could not be handed to the network. */
  sendText(text: string): boolean;
  /** False when the packet was dropped because the socket is backed up: late audio is lost audio. */
  sendAudio(packet: Uint8Array, timestampMs: number): boolean;
  /** Ends the channel from our side; idempotent, resolves when nothing of it is left. */
  close(): Promise<void>;
}

export interface TransportFactory {
  create(): SessionTransport;
}
