import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { MqttClient } from 'mqtt';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import { type AllowanceOptions, createAllowance, pauseMs, peerAllowance } from '../../core/message-pump.ts';
import type { MqttEndpoint } from '../../ports/provisioning.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import { LifeWatch } from './life-watch.ts';
import type { MqttAddress } from './mqtt-address.ts';
import {
  endOfConnectTimeout,
  endOfMqttClose,
  endOfMqttError,
  type MqttMoment,
  subscriptionRefused,
} from './mqtt-end.ts';
import { MqttPacketGuard } from './mqtt-packet-guard.ts';
import { endOfDeadConnection } from './websocket-end.ts';

export interface MqttConnectionOptions {
  readonly endpoint: MqttEndpoint;
  readonly address: MqttAddress;
  /** PEM certificates of all authorities to trust; undefined means the usual ones. */
  readonly ca?: readonly string[] | undefined;
  /** TCP, TLS and CONNACK together (firmware D2). */
  readonly handshakeTimeoutMs: number;
  /** 0: a quiet connection is never asked whether it is alive; how often is the keep-alive's business. */
  readonly pingIntervalMs?: number;
  readonly clock: Clock;
}

export interface MqttConnectionHandlers {
  /** CONNACK: the broker has taken the connection, which is not to say that it likes us. */
  onConnected(): void;
  onMessage(text: string): void;
  /** Something is wrong, but the connection lives. */
  onProblem(error: ClientError): void;
  /** Whether anybody talks over it: a lost connection is told differently. */
  isTalking(): boolean;
  /** Exactly once, unless `end` was first. */
  onEnd(end: ChannelEnd): void;
}

/** Firmware D2. */
const keepAliveSeconds = 240;
/** As long as the field of the protocol holds. */
const maxKeepAliveSeconds = 65_535;
/** Who hangs up so soon after CONNACK has refused (servers.md 3.1); later it is a lost connection. */
const refusalMs = 2_000;
/** As much as a WebSocket server may say at once. */
const maxIncomingBytes = 1_048_576;
/** Control messages that a broker does not take: more than any conversation has. */
const maxBackedUpBytes = 1_048_576;
/** DISCONNECT, MQTT 3.1.1 section 3.14; the library's own would wait for the broker to hang up, too. */
const disconnectPacket = Uint8Array.of(0xe0, 0);
/** How long a broker may take for our last words before the connection is cut. */
const endGraceMs = 1_000;

/**
 * Of answers to what we ask there are a few in a minute. The library handles them all at once, so a flood of them is the end of
 * the connection; messages wait for each other.
 */
const wordlessAllowance: AllowanceOptions = { burst: 200, perMs: 0.05 };

/** One MQTT 3.1.1 connection, clean, without will, QoS 0, never reconnecting by itself (firmware D1–D4). */
export class MqttConnection {
  readonly #options: MqttConnectionOptions;
  readonly #handlers: MqttConnectionHandlers;
  readonly #client: MqttClient;
  readonly #closed: Promise<void>;
  readonly #life: LifeWatch | undefined;
  #socket: Socket | undefined;
  #stage: 'connecting' | 'accepted' | 'heard' = 'connecting';
  #acceptedMs = 0;
  #over = false;
  #ending: Promise<void> | undefined;
  #connectTimer: TimerHandle;

  constructor(options: MqttConnectionOptions, handlers: MqttConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    const { endpoint, clock, handshakeTimeoutMs, address } = options;
    this.#client = new MqttClient(() => this.#connectSocket(), {
      protocolVersion: 4,
      clean: true,
      clientId: endpoint.clientId,
      ...credentialsOf(endpoint),
      keepalive: keepAliveOf(endpoint),
      reconnectPeriod: 0,
      // The clock above decides; this only stops the library from deciding earlier.
      connectTimeout: handshakeTimeoutMs + 60_000,
      queueQoSZero: false,
      resubscribe: false,
      timerVariant: 'native',
    });
    this.#life =
      options.pingIntervalMs === 0
        ? undefined
        : new LifeWatch({
            clock,
            probe: () => this.#client.sendPing(),
            onDead: () => this.#finish(endOfDeadConnection(address.label)),
          });
    this.#client.on('packetreceive', () => this.#life?.heard());
    this.#connectTimer = clock.setTimeout(
      () => this.#finish(endOfConnectTimeout(handshakeTimeoutMs, address.label)),
      handshakeTimeoutMs,
    );
    this.#closed = new Promise((resolve) => this.#client.once('close', () => resolve()));
    this.#client.on('connect', () => this.#accepted());
    this.#client.on('message', (_topic, payload, { retain }) => {
      // A stored message is about somebody's past, and never about this conversation.
      if (!retain) this.#heard(payload);
    });
    const allowance = createAllowance(clock, peerAllowance);
    // The library takes the next packet when this one is done with, and reads no further ahead than a chunk.
    this.#client.handleMessage = (_packet, done) => {
      if (this.#over || allowance.spend(1)) done();
      else clock.setTimeout(done, pauseMs);
    };
    // Stays installed while the socket is torn down: an error without a listener would end the process.
    this.#client.on('error', (error) => this.#finish(endOfMqttError(error, this.#now)));
    this.#client.on('close', () => this.#finish(endOfMqttClose(this.#now)));
  }

  /** How long the broker has had us; undefined before CONNACK. */
  get livedMs(): number | undefined {
    return this.#stage === 'connecting' ? undefined : this.#options.clock.now() - this.#acceptedMs;
  }

  get #now(): MqttMoment {
    const host = this.#options.address.label;
    const isTalking = this.#handlers.isTalking();
    if (this.#stage === 'connecting') return { stage: 'connecting', host, isTalking };
    const isFresh = this.#stage === 'accepted' && (this.livedMs ?? 0) < refusalMs;
    return { stage: isFresh ? 'fresh' : 'kept', host, isTalking };
  }

  /** The server has said something, so it has let us in. */
  get heard(): boolean {
    return this.#stage === 'heard';
  }

  get connected(): boolean {
    return this.#stage !== 'connecting' && !this.#over;
  }

  /** Publishes to the topic the server named (D3). False when there is none, or the network takes no more. */
  publish(text: string): boolean {
    const { publishTopic } = this.#options.endpoint;
    if (!this.connected || publishTopic === '' || !this.#socket) return false;
    if (this.#socket.writableLength > maxBackedUpBytes) return false;
    this.#life?.sending();
    this.#client.publish(publishTopic, text, { qos: 0, retain: false });
    return true;
  }

  /** Something is said that goes another way: is the broker still there? */
  touch(): void {
    if (this.connected) this.#life?.sending();
  }

  /** The network may have changed: is the broker still there? */
  checkLife(): void {
    if (this.connected) this.#life?.check();
  }

  /** Says goodbye to the broker and resolves when the connection is gone; idempotent, silences the handlers. */
  end(): Promise<void> {
    this.#over = true;
    this.#life?.stop();
    this.#options.clock.clearTimeout(this.#connectTimer);
    this.#ending ??= this.#leave();
    return this.#ending;
  }

  async #leave(): Promise<void> {
    const socket = this.#socket;
    if (this.#stage === 'connecting' || !socket || socket.destroyed) {
      this.#cut();
    } else {
      socket.write(disconnectPacket);
      socket.destroySoon();
      await Promise.race([this.#closed, nextTick()]);
      if (!socket.destroyed) {
        const cut = this.#options.clock.setTimeout(() => this.#cut(), endGraceMs);
        void this.#closed.then(() => this.#options.clock.clearTimeout(cut));
      }
    }
    await this.#closed;
    this.#client.end(true);
  }

  #connectSocket(): Socket {
    const { address, ca } = this.#options;
    const { host, port } = address;
    const socket = address.tls
      ? connectTls({
          host,
          port,
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(ca === undefined ? {} : { ca: [...ca] }),
        })
      : connectTcp({ host, port });
    // The library listens, too, but not from the first moment to the last.
    socket.on('error', () => {});
    socket.setNoDelay(true);
    const guard = new MqttPacketGuard(maxIncomingBytes);
    const wordless = createAllowance(this.#options.clock, wordlessAllowance);
    socket.on('data', (bytes: Buffer) => {
      const before = guard.wordless;
      if (!guard.take(bytes)) this.#drop('it sent a packet without end', bytes);
      else if (!wordless.spend(guard.wordless - before))
        this.#drop('it floods the connection with packets that say nothing', bytes);
    });
    this.#socket = socket;
    return socket;
  }

  #drop(why: string, bytes: Buffer): void {
    // The library is given the same bytes after us, and would take all packets in them before anybody else has a turn.
    bytes.fill(0);
    this.#finish(endOfMqttError(new Error(why), this.#now));
  }

  #accepted(): void {
    if (this.#over) return;
    this.#options.clock.clearTimeout(this.#connectTimer);
    this.#stage = 'accepted';
    this.#acceptedMs = this.#options.clock.now();
    const { subscribeTopic } = this.#options.endpoint;
    // Some servers write "null" where there is none (servers.md 5.1); gateways push without (D4).
    if (subscribeTopic !== undefined && subscribeTopic !== '' && subscribeTopic !== 'null') {
      this.#client.subscribe(subscribeTopic, { qos: 0 }, (failure) => {
        if (failure && this.connected) this.#handlers.onProblem(subscriptionRefused(subscribeTopic, failure));
      });
    }
    this.#handlers.onConnected();
  }

  #heard(payload: Buffer): void {
    if (this.#over) return;
    this.#stage = 'heard';
    this.#handlers.onMessage(payload.toString('utf8'));
  }

  #finish(end: ChannelEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#life?.stop();
    this.#options.clock.clearTimeout(this.#connectTimer);
    this.#cut();
    this.#handlers.onEnd(end);
  }

  #cut(): void {
    this.#client.end(true);
    this.#socket?.destroy();
  }
}

/** Some brokers refuse fields that are there and empty (servers.md 7); a password needs a name beside it (MQTT 3.1.1, 3.1.2.9). */
function credentialsOf({ username, password }: MqttEndpoint): { username?: string; password?: string } {
  if (password !== '') return { username, password };
  return username === '' ? {} : { username };
}

function keepAliveOf({ keepAliveSeconds: wanted = keepAliveSeconds }: MqttEndpoint): number {
  return Math.min(maxKeepAliveSeconds, Math.max(1, Math.round(wanted)));
}
