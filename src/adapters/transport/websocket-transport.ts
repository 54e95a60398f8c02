import WebSocket, { type ClientOptions, type RawData } from 'ws';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { createMessagePump, type MessagePump, peerAllowance } from '../../core/message-pump.ts';
import { printableText } from '../../core/printable-text.ts';
import { beginningOf } from '../../network/beginning-of.ts';
import { proxyAgent, viaProxy } from '../../network/proxy.ts';
import type { WebSocketEndpoint } from '../../ports/provisioning.ts';
import type {
  ChannelEnd,
  SessionInfo,
  SessionTransport,
  TransportHandlers,
} from '../../ports/session-transport.ts';
import { type BinaryVersion, decodeBinaryFrame, encodeBinaryFrame } from '../../protocol/binary-frame.ts';
import { clientHello, readServerHello, type UplinkFormat } from '../../protocol/hello.ts';
import { maxMessageCharacters, parseMessageText } from '../../protocol/messages.ts';
import { serverWords } from '../../protocol/server-words.ts';
import {
  endOfHelloRefused,
  endOfNoHello,
  endOfUnusableHello,
  laterHelloProblem,
  secondHelloMs,
  unboundProblem,
} from './hello-end.ts';
import { connectLean } from './lean-connection.ts';
import { LifeWatch } from './life-watch.ts';
import {
  endOfBadEndpoint,
  endOfClose,
  endOfDeadConnection,
  endOfHttpAnswer,
  endOfSocketError,
  lastWords,
} from './websocket-end.ts';

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
  /** What has been said about this server already and is not said again in every conversation; shared between them. */
  readonly told?: Set<string> | undefined;
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
/** Servers that refuse say why as plain text, and hang up at once (servers.md 1.1). */
const lastWordsMs = 1_000;
/** Longer frames are dropped without a word by servers that say version 1 (servers.md 1.8). */
const longestHeardFrameMs = 60;

/** How this server frames audio: a chat server behind the MQTT gateway is known by its URL (servers.md 1.1, 2). */
function binaryVersionOf({ url, version }: WebSocketEndpoint): BinaryVersion {
  if (url.endsWith('?from=mqtt_gateway')) return 'gateway';
  return version === 2 || version === 3 ? version : 1;
}

/** The WebSocket transport of firmware section C; one socket, one session. */
export class WebSocketTransport implements SessionTransport {
  readonly kind = 'websocket';
  readonly #options: WebSocketTransportOptions;
  readonly #told: Set<string>;
  #binaryVersion: BinaryVersion;
  #socket: WebSocket | undefined;
  #pump: MessagePump<() => void> | undefined;
  #handlers: TransportHandlers | undefined;
  /** Of the next packet, where frames are counted. */
  #sequence = 0;
  /** The server has said hello, or speaks as if it had. */
  #helloSeen = false;
  /** It speaks without one: to a stranger. */
  #isStranger = false;
  #plainText: string | undefined;
  /** A text of the conversation that is no message: the last words of a server that hangs up, or a fault of one that does not. */
  #unclear: { readonly said: string; readonly problem: ClientError } | undefined;
  #unclearTimer: TimerHandle;
  #lastMessageMs = 0;
  #life: LifeWatch | undefined;
  #answeredPing = true;
  #helloTimer: TimerHandle;
  #pingTimer: TimerHandle;
  #idleTimer: TimerHandle;

  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    this.#told = options.told ?? new Set();
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
      this.#life?.heard();
    });
    socket.on('ping', () => this.#life?.heard());
    socket.on('unexpected-response', (request, response) => {
      void beginningOf(response, this.#options.clock).then((body) => {
        request.destroy();
        const { statusCode: status = 0, headers } = response;
        this.#end(endOfHttpAnswer({ status, location: headers.location, body }, this.#host, this.#url));
      });
    });
    // Stays installed while the socket is torn down: an error without a listener would end the process.
    socket.on('error', (error) => this.#end(endOfSocketError(error, this.#host, opened, this.#scheme)));
    socket.on('close', (code, reason) => {
      this.#tellLastWords();
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
      );
    });
  }

  sendText(text: string): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount > maxUnreadTextBytes) {
      this.#giveUp(this.#readsNothing());
      return false;
    }
    this.#life?.sending();
    socket.send(text);
    return true;
  }

  sendAudio(packet: Uint8Array, timestampMs: number): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > maxBackedUpBytes) return false;
    this.#life?.sending();
    socket.send(encodeBinaryFrame(this.#binaryVersion, packet, timestampMs, this.#sequence), {
      binary: true,
    });
    this.#sequence += 1;
    return true;
  }

  /** The network may have changed: is the server still there? */
  checkLife(): void {
    this.#life?.check();
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

  get #url(): string {
    return this.#options.endpoint.url;
  }

  get #scheme(): 'ws' | 'wss' {
    return /^(?:wss|https):/iu.test(this.#url.trim()) ? 'wss' : 'ws';
  }

  get #host(): string {
    try {
      return `${new URL(this.#url).host}${viaProxy(this.#url)}`;
    } catch {
      return 'the server';
    }
  }

  #clientOptions(): ClientOptions {
    const { endpoint, deviceId, clientId, ca, handshakeTimeoutMs } = this.#options;
    const agent = proxyAgent(endpoint.url, { ca });
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
      ...(agent
        ? { agent }
        : { createConnection: connectLean(endpoint.url) as ClientOptions['createConnection'] }),
    };
  }

  #sayHello(): void {
    const { clock, helloTimeoutMs, pingIntervalMs, idleTimeoutMs, uplink, serverAec = false } = this.#options;
    this.#lastMessageMs = clock.now();
    const version = this.#binaryVersion === 'gateway' ? 2 : this.#binaryVersion;
    this.sendText(clientHello({ transport: 'websocket', version, ...uplink, serverAec }));
    this.#helloTimer = clock.setTimeout(() => this.#giveUp(this.#noHello()), helloTimeoutMs);
    if (pingIntervalMs > 0) this.#watchLife();
    if (pingIntervalMs > 0) this.#pingTimer = clock.setTimeout(() => this.#ping(), pingIntervalMs);
    if (idleTimeoutMs > 0) this.#idleTimer = clock.setTimeout(() => this.#checkIdle(), idleTimeoutMs);
  }

  #watchLife(): void {
    this.#life = new LifeWatch({
      clock: this.#options.clock,
      probe: () => this.#socket?.ping(),
      onDead: () => this.#giveUp(endOfDeadConnection(this.#host)),
    });
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#life?.heard();
    this.#lastMessageMs = this.#options.clock.now();
    this.#answeredPing = true;
    const bytes = data as Buffer;
    // Who says more has not hung up.
    if (this.#unclear) this.#tellUnclear();
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

  /** A hello is ours, and so is what comes in place of one; every other message is the device's. */
  #onText(text: string): void {
    const parsed = parseMessageText(text);
    if (!parsed.ok) this.#onPlainText(text, parsed.reason);
    else if (parsed.json.type === 'hello') this.#onHello(parsed.json);
    else if (!this.#helloSeen && parsed.json.type === 'error')
      this.#giveUp(endOfHelloRefused(serverWords(parsed.json), this.#host));
    else this.#onMessageOfDevice(parsed.json);
  }

  /** Before the hello it is how servers word a refusal (servers.md 1.1), and told when they hang up. */
  #onPlainText(text: string, reason: string): void {
    const said = printableText(text, maxQuotedCharacters);
    if (!this.#helloSeen && said !== '') {
      this.#plainText = said;
      return;
    }
    const problem = new ClientError(
      ErrorCode.protocolBadMessage,
      `The server sent a text message that cannot be used: ${reason}${said === '' ? '' : ` (“${said}”)`}. It was ignored; nothing needs to be done unless answers are missing.`,
      { retryable: true },
    );
    this.#unclear = { said, problem };
    this.#unclearTimer = this.#options.clock.setTimeout(() => this.#tellUnclear(), lastWordsMs);
  }

  #tellUnclear(): void {
    this.#options.clock.clearTimeout(this.#unclearTimer);
    const unclear = this.#unclear;
    this.#unclear = undefined;
    if (unclear) this.#handlers?.onProblem(unclear.problem);
  }

  #tellLastWords(): void {
    const said = this.#unclear?.said ?? '';
    if (said === '') return;
    this.#unclear = undefined;
    this.#handlers?.onProblem(lastWords(said, this.#host));
  }

  #onMessageOfDevice(json: Readonly<Record<string, unknown>>): void {
    if (!this.#helloSeen && isSpeech(json)) this.#meetAsStranger(json);
    if (this.#isStranger) this.#tellWordsToStranger(json);
    this.#handlers?.onMessage(json);
  }

  /** A server that speaks in place of a hello has begun: its words are shown and its voice is heard (servers.md 7). */
  #meetAsStranger({ session_id }: Readonly<Record<string, unknown>>): void {
    this.#isStranger = true;
    // It has not said that it takes any other.
    if (this.#binaryVersion !== 'gateway') this.#binaryVersion = 1;
    this.#begin({
      sessionId: typeof session_id === 'string' ? session_id : '',
      sampleRateHz: 24_000,
      frameDurationMs: 60,
    });
  }

  #tellWordsToStranger({ text }: Readonly<Record<string, unknown>>): void {
    if (typeof text === 'string' && text !== '')
      this.#tellOnce('stranger', unboundProblem(printableText(text, maxQuotedCharacters)));
  }

  #onHello(json: Readonly<Record<string, unknown>>): void {
    const read = readServerHello(json, 'websocket');
    if (read.ok) {
      this.#isStranger = false;
      this.#adaptTo(read.version);
      this.#begin(read.hello);
    } else if (this.#helloSeen) this.#handlers?.onProblem(laterHelloProblem(read.fault));
    else this.#endSoon(endOfUnusableHello(read.fault, this.#host));
  }

  #endSoon(end: ChannelEnd): void {
    this.#options.clock.clearTimeout(this.#helloTimer);
    this.#helloTimer = this.#options.clock.setTimeout(() => this.#giveUp(end), secondHelloMs);
  }

  #begin(info: SessionInfo): void {
    this.#options.clock.clearTimeout(this.#helloTimer);
    this.#helloSeen = true;
    this.#handlers?.onSession(info);
  }

  /** The server names the version it speaks: with any other it hears nothing, and is not heard (servers.md 7). */
  #adaptTo(version: number | undefined): void {
    const ours = this.#binaryVersion;
    if (ours === 'gateway' || version === undefined) return;
    if (ours !== 1 && version !== ours) {
      this.#binaryVersion = version === 2 || version === 3 ? version : 1;
      this.#tellOnce(
        `version ${version}`,
        formatRefused(
          `speaks binary version ${version}, not ${ours}; its version is used. Set server.protocolVersion to ${version}, or correct what the OTA server answers`,
        ),
      );
    }
    const { frameDurationMs } = this.#options.uplink;
    if (version !== 1 || frameDurationMs <= longestHeardFrameMs) return;
    this.#tellOnce(
      `frames ${frameDurationMs}`,
      formatRefused(
        `may not hear frames of ${frameDurationMs} ms, as servers of binary version 1 take ${longestHeardFrameMs} ms at most. Set audio.frameDurationMs to ${longestHeardFrameMs} if it does not understand you`,
      ),
    );
  }

  #tellOnce(what: string, problem: ClientError): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#handlers?.onProblem(problem);
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
    return endOfNoHello(this.#options.helloTimeoutMs, this.#host, this.#plainText);
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
    this.#tellUnclear();
    this.#stopTimers();
    this.#pump?.stop();
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.onEnd(end);
  }

  #stopTimers(): void {
    this.#life?.stop();
    for (const timer of [this.#helloTimer, this.#pingTimer, this.#idleTimer, this.#unclearTimer])
      this.#options.clock.clearTimeout(timer);
  }
}

/** Words or voice of an answer; other messages may come before a hello by right (servers.md 3.6). */
function isSpeech({ type, state }: Readonly<Record<string, unknown>>): boolean {
  return type === 'stt' || (type === 'tts' && (state === 'start' || state === 'sentence_start'));
}

const formatRefused = (what: string): ClientError =>
  new ClientError(ErrorCode.protocolFormatRefused, `The server ${what}.`);
