import WebSocket, { type ClientOptions, type RawData } from 'ws';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { createMessagePump, type MessagePump, peerAllowance } from '../../core/message-pump.ts';
import { printableText } from '../../core/printable-text.ts';
import type { WebSocketEndpoint } from '../../ports/provisioning.ts';
import type { ChannelEnd, SessionTransport, TransportHandlers } from '../../ports/session-transport.ts';
import { type BinaryVersion, decodeBinaryFrame, encodeBinaryFrame } from '../../protocol/binary-frame.ts';
import { clientHello, readServerHello, type UplinkFormat } from '../../protocol/hello.ts';
import { maxMessageCharacters, parseMessageText } from '../../protocol/messages.ts';
import { connectLean } from './lean-connection.ts';
import { endOfBadEndpoint, endOfClose, endOfHttpAnswer, endOfSocketError } from './websocket-end.ts';

export interface WebSocketTransportOptions {
  readonly endpoint: WebSocketEndpoint;
  readonly deviceId: string;
  readonly clientId: string;
  readonly uplink: UplinkFormat;
  /** The server is asked to cancel echo; then uplink timestamps must be those of what was being played (F60). */
  readonly serverAec?: boolean;
  /** PEM certificates of all authorities to trust; undefined means the usual ones. */
  readonly ca?: readonly string[] | undefined;
  /** TCP, TLS and upgrade together (firmware C4). */
  readonly handshakeTimeoutMs: number;
  /** From our hello to the server's (C4). */
  readonly helloTimeoutMs: number;
  /** 0: never. */
  readonly pingIntervalMs: number;
  /** Without any message of the server for so long the channel is given up (C31); 0: never. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** Texts may be long (a tool's result), but nothing a server says needs more; a longer one closes with 1009. */
const maxPayloadBytes = 4 * maxMessageCharacters;
/** Some seconds of speech that the network has not taken: newer packets are dropped, they would arrive too late anyway. */
const maxBackedUpBytes = 16_384;
/** What a server that reads nothing may leave in our memory of control messages and answers of tools. */
const maxUnreadTextBytes = 1_048_576;
/** A frame of sound costs little, and some servers send a whole answer at once. */
const costOfAudio = 0.02;
/** How long a server may take to answer our close frame before the connection is cut. */
const closeGraceMs = 1_000;
const maxQuotedCharacters = 200;

/** How this server frames audio: a chat server behind the MQTT gateway is known by its URL (servers.md 1.1, 2). */
function binaryVersionOf({ url, version }: WebSocketEndpoint): BinaryVersion {
  if (url.endsWith('?from=mqtt_gateway')) return 'gateway';
  return version === 2 || version === 3 ? version : 1;
}

/** The WebSocket transport of firmware section C; one socket, one session. */
export class WebSocketTransport implements SessionTransport {
  readonly kind = 'websocket';
  readonly #options: WebSocketTransportOptions;
  readonly #binaryVersion: BinaryVersion;
  #socket: WebSocket | undefined;
  #pump: MessagePump<() => void> | undefined;
  #handlers: TransportHandlers | undefined;
  #helloSeen = false;
  #plainText: string | undefined;
  #lastMessageMs = 0;
  #answeredPing = true;
  #helloTimer: TimerHandle;
  #pingTimer: TimerHandle;
  #idleTimer: TimerHandle;

  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    this.#binaryVersion = binaryVersionOf(options.endpoint);
  }

  open(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#options.endpoint.url, this.#clientOptions());
    } catch (thrown) {
      queueMicrotask(() => this.#end(endOfBadEndpoint(thrown)));
      return;
    }
    this.#socket = socket;
    this.#pump = createMessagePump<() => void>({
      clock: this.#options.clock,
      allowance: peerAllowance,
      handle: (take) => take(),
      pause: () => socket.pause(),
      resume: () => socket.isPaused && socket.resume(),
    });
    let opened = false;
    socket.on('open', () => {
      opened = true;
      this.#sayHello();
    });
    socket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    socket.on('pong', () => {
      this.#answeredPing = true;
    });
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      this.#end(endOfHttpAnswer(response.statusCode ?? 0, this.#host));
    });
    // Stays installed while the socket is torn down: an error without a listener would end the process.
    socket.on('error', (error) => this.#end(endOfSocketError(error, this.#host, opened)));
    socket.on('close', (code, reason) =>
      this.#end(
        endOfClose(
          {
            code,
            reason: printableText(reason.toString(), maxQuotedCharacters),
            helloSeen: this.#helloSeen,
            plainText: this.#plainText,
          },
          this.#host,
        ),
      ),
    );
  }

  sendText(text: string): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount > maxUnreadTextBytes) {
      this.#giveUp(this.#readsNothing());
      return false;
    }
    socket.send(text);
    return true;
  }

  sendAudio(packet: Uint8Array, timestampMs: number): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > maxBackedUpBytes) return false;
    socket.send(encodeBinaryFrame(this.#binaryVersion, packet, timestampMs), { binary: true });
    return true;
  }

  async close(): Promise<void> {
    this.#handlers = undefined;
    this.#stopTimers();
    this.#pump?.stop();
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const cut = this.#options.clock.setTimeout(() => socket.terminate(), closeGraceMs);
      socket.once('close', () => {
        this.#options.clock.clearTimeout(cut);
        resolve();
      });
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(1000);
    });
  }

  get #host(): string {
    try {
      return new URL(this.#options.endpoint.url).host;
    } catch {
      return 'the server';
    }
  }

  #clientOptions(): ClientOptions {
    const { endpoint, deviceId, clientId, ca, handshakeTimeoutMs } = this.#options;
    const authorization = endpoint.token.includes(' ') ? endpoint.token : `Bearer ${endpoint.token}`;
    return {
      headers: {
        ...(endpoint.token === '' ? {} : { Authorization: authorization }),
        'Protocol-Version': String(this.#binaryVersion === 'gateway' ? 2 : this.#binaryVersion),
        'Device-Id': deviceId,
        'Client-Id': clientId,
      },
      ...(ca === undefined ? {} : { ca: [...ca] }),
      handshakeTimeout: handshakeTimeoutMs,
      maxPayload: maxPayloadBytes,
      perMessageDeflate: false,
      followRedirects: false,
      createConnection: connectLean(endpoint.url) as ClientOptions['createConnection'],
    };
  }

  #sayHello(): void {
    const { clock, helloTimeoutMs, pingIntervalMs, idleTimeoutMs, uplink, serverAec = false } = this.#options;
    this.#lastMessageMs = clock.now();
    const version = this.#binaryVersion === 'gateway' ? 2 : this.#binaryVersion;
    this.sendText(clientHello({ transport: 'websocket', version, ...uplink, serverAec }));
    this.#helloTimer = clock.setTimeout(() => this.#giveUp(this.#noHello()), helloTimeoutMs);
    if (pingIntervalMs > 0) this.#pingTimer = clock.setTimeout(() => this.#ping(), pingIntervalMs);
    if (idleTimeoutMs > 0) this.#idleTimer = clock.setTimeout(() => this.#checkIdle(), idleTimeoutMs);
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#lastMessageMs = this.#options.clock.now();
    this.#answeredPing = true;
    const bytes = data as Buffer;
    if (isBinary) this.#pump?.push(() => this.#onBinary(bytes), costOfAudio);
    else this.#pump?.push(() => this.#onText(bytes.toString('utf8')));
  }

  #onBinary(bytes: Buffer): void {
    const frame = decodeBinaryFrame(this.#binaryVersion, bytes);
    if (frame.ok) {
      this.#handlers?.onAudio(frame.packet, frame.timestampMs);
      return;
    }
    this.#handlers?.onProblem(
      new ClientError(
        ErrorCode.protocolBadFrame,
        `The server sent an audio frame that is not of binary version ${this.#binaryVersion} (${frame.reason}); it was dropped. If this goes on, set server.protocolVersion to what the server uses.`,
        { retryable: true },
      ),
    );
  }

  /** A hello is ours; every other message is the device's. */
  #onText(text: string): void {
    const parsed = parseMessageText(text);
    if (parsed.ok) {
      if (parsed.json.type === 'hello') this.#onHello(parsed.json);
      else this.#handlers?.onMessage(parsed.json);
      return;
    }
    if (!this.#helloSeen) this.#plainText = printableText(text, maxQuotedCharacters);
    this.#handlers?.onProblem(
      new ClientError(
        ErrorCode.protocolBadMessage,
        `The server sent a text message that cannot be used: ${parsed.reason}. It was ignored; nothing needs to be done unless answers are missing.`,
        { retryable: true },
      ),
    );
  }

  #onHello(json: Readonly<Record<string, unknown>>): void {
    const hello = readServerHello(json, 'websocket');
    if (!hello) return;
    this.#options.clock.clearTimeout(this.#helloTimer);
    this.#helloSeen = true;
    this.#handlers?.onSession(hello);
  }

  #ping(): void {
    if (!this.#answeredPing) {
      this.#giveUp(endOfClose({ code: 1006, reason: '', helloSeen: true, plainText: undefined }, this.#host));
      return;
    }
    this.#answeredPing = false;
    this.#socket?.ping();
    this.#pingTimer = this.#options.clock.setTimeout(() => this.#ping(), this.#options.pingIntervalMs);
  }

  #checkIdle(): void {
    const { clock, idleTimeoutMs } = this.#options;
    const remainingMs = this.#lastMessageMs + idleTimeoutMs - clock.now();
    if (remainingMs > 0) this.#idleTimer = clock.setTimeout(() => this.#checkIdle(), remainingMs);
    else this.#giveUp(this.#wentSilent());
  }

  #noHello(): ChannelEnd {
    const said = this.#plainText === undefined ? '' : ` It said: ${this.#plainText}`;
    const error = new ClientError(
      ErrorCode.transportTimeout,
      `The server ${this.#host} accepted the connection but said no hello within ${this.#options.helloTimeoutMs / 1000} s. Check that the address is that of a 小智 server.${said}`,
      { retryable: true },
    );
    return { normal: false, error, description: error.message };
  }

  #wentSilent(): ChannelEnd {
    const error = new ClientError(
      ErrorCode.transportIdle,
      `The server ${this.#host} has said nothing for ${Math.round(this.#options.idleTimeoutMs / 1000)} s; the conversation was ended.`,
    );
    return { normal: false, error, description: error.message };
  }

  #readsNothing(): ChannelEnd {
    const error = new ClientError(
      ErrorCode.transportSendFailed,
      `The server ${this.#host} takes nothing of what it is sent, so the conversation was ended. If this goes on, look at the log of the server.`,
      { retryable: true },
    );
    return { normal: false, error, description: error.message };
  }

  #giveUp(end: ChannelEnd): void {
    this.#end(end);
    this.#socket?.terminate();
  }

  #end(end: ChannelEnd): void {
    this.#stopTimers();
    this.#pump?.stop();
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.onEnd(end);
  }

  #stopTimers(): void {
    for (const timer of [this.#helloTimer, this.#pingTimer, this.#idleTimer])
      this.#options.clock.clearTimeout(timer);
  }
}
