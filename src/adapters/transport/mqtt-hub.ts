import type { TimerHandle } from '../../core/clock.ts';
import { ClientError, ErrorCode, toClientError } from '../../core/errors.ts';
import { proxyFor } from '../../network/proxy.ts';
import type { ControlLink, ControlLinkFactory } from '../../ports/control-link.ts';
import type { ChannelEnd, SessionTransport, TransportFactory } from '../../ports/session-transport.ts';
import { maxMqttMessageBytes } from '../../protocol/message-size.ts';
import { clientMessage, parseMessageText } from '../../protocol/messages.ts';
import { parseMqttEndpoint } from './mqtt-address.ts';
import { MqttConnection, type MqttConnectionOptions } from './mqtt-connection.ts';
import { MqttControlLink } from './mqtt-control-link.ts';
import { Rivalry } from './mqtt-rivalry.ts';
import { type MqttSessionOptions, MqttUdpTransport } from './mqtt-udp-transport.ts';

export interface MqttHubOptions extends Omit<MqttConnectionOptions, 'address'>, MqttSessionOptions {
  /** Longest message that is sent; 8192 bytes with its packet header is what gateways take (servers.md 3.1). */
  readonly maxMessageBytes?: number;
}

type Json = Readonly<Record<string, unknown>>;

/** Who needs the connection: a control link or a session. */
export interface MqttUser {
  /** CONNACK has come, or had come long ago. */
  onConnected(): void;
  /** The server has said something. */
  onHeard?(): void;
  onMessage(json: Json): void;
  onProblem(error: ClientError): void;
  /** The server has said something that is no message; `problem` tells of it. */
  onPlainText?(text: string, problem: ClientError): void;
  onEnd(end: ChannelEnd): void;
}

/** How long a new hello waits for the echo of the last goodbye: one that comes too early is lost (servers.md 3.4). */
const echoTimeoutMs = 1_000;

/**
 * One MQTT connection for all who need it: it is made when the first comes and ended when the last has gone. The control
 * link keeps it between conversations; without a link a session brings its own (firmware D20).
 */
export class MqttHub implements ControlLinkFactory, TransportFactory {
  readonly maxMessageBytes: number;
  readonly #options: MqttHubOptions;
  readonly #users = new Set<MqttUser>();
  #connection: MqttConnection | undefined;
  #ending: Promise<void> = Promise.resolve();
  #session: MqttUser | undefined;
  #link: MqttUser | undefined;
  readonly #rivalry: Rivalry;
  #silenceTold = false;
  /** On this connection: what is spoken in the next session may be the rest of the last one. */
  #hadSession = false;
  #connectTimer: TimerHandle;
  #farewell: { readonly sessionId: string; readonly untilMs: number } | undefined;
  #waiting: { readonly proceed: () => void; readonly timer: TimerHandle } | undefined;

  constructor(options: MqttHubOptions) {
    this.#options = options;
    this.#rivalry = new Rivalry(options.endpoint, options.clock);
    this.maxMessageBytes = options.maxMessageBytes ?? maxMqttMessageBytes;
  }

  createLink(): ControlLink {
    return new MqttControlLink(this, this.#options.clock);
  }

  create(): SessionTransport {
    return new MqttUdpTransport(this, this.#options);
  }

  /** For people. */
  get label(): string {
    return this.#options.endpoint.endpoint;
  }

  get publishTopic(): string {
    return this.#options.endpoint.publishTopic;
  }

  get heard(): boolean {
    return this.#connection?.heard ?? false;
  }

  /** `role`: messages go to the session while there is one, else to the link. The newest of each role counts. */
  join(user: MqttUser, role: 'session' | 'link'): void {
    this.#users.add(user);
    if (role === 'session') this.#session = user;
    else this.#link = user;
    void this.#ending.then(() => this.#connectFor(user));
  }

  /** Resolves when nothing is left that only this user needed. */
  async leave(user: MqttUser): Promise<void> {
    this.#users.delete(user);
    if (this.#session === user) {
      this.#session = undefined;
      this.#stopWaiting();
    }
    if (this.#link === user) this.#link = undefined;
    if (this.#users.size > 0) return;
    this.#options.clock.clearTimeout(this.#connectTimer);
    const connection = this.#connection;
    this.#connection = undefined;
    this.#farewell = undefined;
    this.#hadSession = false;
    if (connection) this.#ending = connection.end();
    await this.#ending;
  }

  /** False when it could not be handed to the network. One that is too long is reported instead and counts as sent. */
  publish(text: string, sender: MqttUser): boolean {
    const bytes = Buffer.byteLength(text);
    if (bytes <= this.maxMessageBytes) return this.#connection?.publish(text) ?? false;
    sender.onProblem(
      new ClientError(
        ErrorCode.transportSendFailed,
        `A message of ${bytes} bytes was not sent: MQTT servers take ${this.maxMessageBytes} and end the connection over a longer one. If it is the answer of a tool, let the tool answer more briefly.`,
      ),
    );
    return this.#connection?.connected ?? false;
  }

  /**
   * The server has left us without an answer. After a sleep of the computer or a change of networks a connection looks
   * alive for minutes; a new one tells the truth.
   */
  distrust(end: ChannelEnd): void {
    if (this.#connection) this.#ended(end);
  }

  get hadSession(): boolean {
    return this.#hadSession;
  }

  sessionBegan(): void {
    this.#hadSession = true;
  }

  /** No sound arrives: is that news? */
  mayTellSilence(): boolean {
    const isNews = !this.#silenceTold;
    this.#silenceTold = true;
    return isNews;
  }

  soundArrived(): void {
    this.#silenceTold = false;
  }

  /** A session sends audio, which does not go over this connection. */
  touch(): void {
    this.#connection?.touch();
  }

  /** See `MqttConnection.checkLife`. */
  checkLife(): void {
    this.#connection?.checkLife();
  }

  /** Ends a session on the wire; the next hello waits for the server's echo. */
  sayGoodbye(sessionId: string): void {
    if (!this.#connection?.publish(clientMessage.goodbye(sessionId))) return;
    this.#farewell = { sessionId, untilMs: this.#options.clock.now() + echoTimeoutMs };
  }

  /** Calls back when a hello would not be mistaken for part of the conversation before. At once, if that is now. */
  whenFarewellDone(proceed: () => void): void {
    const { clock } = this.#options;
    const remainingMs = (this.#farewell?.untilMs ?? 0) - clock.now();
    if (!this.#farewell || remainingMs <= 0) {
      proceed();
      return;
    }
    this.#waiting = { proceed, timer: clock.setTimeout(() => this.#farewellDone(), remainingMs) };
  }

  #farewellDone(): void {
    this.#farewell = undefined;
    const waiting = this.#waiting;
    this.#stopWaiting();
    waiting?.proceed();
  }

  #stopWaiting(): void {
    this.#options.clock.clearTimeout(this.#waiting?.timer);
    this.#waiting = undefined;
  }

  #connectFor(user: MqttUser): void {
    if (!this.#users.has(user)) return;
    if (this.#connection?.connected) {
      user.onConnected();
      if (this.#connection.heard) user.onHeard?.();
      return;
    }
    if (this.#connection) return;
    this.#options.clock.clearTimeout(this.#connectTimer);
    // A person who wants to talk does not wait.
    const delayMs = user === this.#link ? this.#rivalry.restMs() : 0;
    if (delayMs <= 0) this.#connect();
    else this.#connectTimer = this.#options.clock.setTimeout(() => this.#connect(), delayMs);
  }

  #connect(): void {
    let connection: MqttConnection;
    try {
      const address = parseMqttEndpoint(this.#options.endpoint.endpoint);
      connection = new MqttConnection(
        { ...this.#options, address },
        {
          onConnected: () => this.#each((user) => user.onConnected()),
          onMessage: (text) => this.#receive(text),
          onProblem: (error) => (this.#session ?? this.#link)?.onProblem(error),
          isTalking: () => this.#session !== undefined,
          onEnd: (end) => {
            if (this.#connection === connection) this.#ended(this.#rivalry.judge(end, connection.livedMs));
          },
        },
      );
    } catch (thrown) {
      const error = toClientError(thrown, ErrorCode.transportUnreachable);
      this.#ended({ normal: false, error, description: error.message });
      return;
    }
    this.#connection = connection;
  }

  #ended(end: ChannelEnd): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#farewell = undefined;
    this.#hadSession = false;
    this.#stopWaiting();
    if (connection) this.#ending = connection.end();
    const users = [...this.#users];
    const told = pastProxy(end, this.#options.endpoint.endpoint);
    this.#users.clear();
    this.#session = undefined;
    this.#link = undefined;
    for (const user of users) user.onEnd(told);
  }

  #each(tell: (user: MqttUser) => void): void {
    for (const user of [...this.#users]) tell(user);
  }

  #receive(text: string): void {
    const parsed = parseMessageText(text);
    this.#each((user) => user.onHeard?.());
    const listener = this.#session ?? this.#link;
    if (!parsed.ok) {
      const problem = unusableText(parsed.reason);
      if (listener?.onPlainText) listener.onPlainText(text, problem);
      else listener?.onProblem(problem);
      return;
    }
    if (this.#isEcho(parsed.json)) this.#farewellDone();
    else if (this.#session) this.#session.onMessage(parsed.json);
    else this.#receiveInIdle(parsed.json);
  }

  #isEcho({ type, session_id }: Json): boolean {
    return type === 'goodbye' && this.#farewell !== undefined && session_id === this.#farewell.sessionId;
  }

  #receiveInIdle(json: Json): void {
    if (json.type === 'goodbye') return;
    if (json.type !== 'hello') {
      this.#link?.onMessage(json);
      return;
    }
    // The answer to a hello that nobody waits for any more: the server must not keep that session open.
    if (typeof json.session_id === 'string' && json.udp !== undefined) this.sayGoodbye(json.session_id);
  }
}

const unusableText = (reason: string): ClientError =>
  new ClientError(
    ErrorCode.protocolBadMessage,
    `The server sent a text message that cannot be used: ${reason}. It was ignored; nothing needs to be done unless answers are missing.`,
    { retryable: true },
  );

/** Where a proxy is the only way out, MQTT finds none: whoever looks for the reason is told. */
function pastProxy(end: ChannelEnd, endpoint: string): ChannelEnd {
  const { error } = end;
  const host = endpoint.replace(/^mqtts?:\/\//iu, '');
  const proxy = proxyFor(`https://${host}`);
  if (error?.code !== ErrorCode.transportUnreachable || !proxy) return end;
  const { code, message, retryable, cause } = error;
  const words = `${message} MQTT does not go through the proxy ${proxy.host}; --transport websocket does.`;
  const told = new ClientError(code, words, { retryable, cause });
  return { ...end, error: told, description: told.message };
}
