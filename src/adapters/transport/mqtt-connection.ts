import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { MqttClient } from 'mqtt';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { createAllowance, pauseMs, peerAllowance } from '../../core/message-pump.ts';
import type { MqttEndpoint } from '../../ports/provisioning.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import type { MqttAddress } from './mqtt-address.ts';
import { endOfConnectTimeout, endOfMqttClose, endOfMqttError, type MqttStage } from './mqtt-end.ts';
import { MqttPacketGuard } from './mqtt-packet-guard.ts';

export interface MqttConnectionOptions {
  readonly endpoint: MqttEndpoint;
  readonly address: MqttAddress;
  /** PEM certificates of all authorities to trust; undefined means the usual ones. */
  readonly ca?: readonly string[] | undefined;
  /** TCP, TLS and CONNACK together (firmware D2). */
  readonly handshakeTimeoutMs: number;
  readonly clock: Clock;
}

export interface MqttConnectionHandlers {
  /** CONNACK: the broker has taken the connection, which is not to say that it likes us. */
  onConnected(): void;
  onMessage(text: string): void;
  /** Exactly once, unless `end` was first. */
  onEnd(end: ChannelEnd): void;
}

/** Firmware D2. */
const keepAliveSeconds = 240;
/** As much as a WebSocket server may say at once. */
const maxIncomingBytes = 1_048_576;
/** Control messages that a broker does not take: more than any conversation has. */
const maxBackedUpBytes = 1_048_576;
/** DISCONNECT, MQTT 3.1.1 section 3.14; the library's own would wait for the broker to hang up, too. */
const disconnectPacket = Uint8Array.of(0xe0, 0);
/** How long a broker may take for our last words before the connection is cut. */
const endGraceMs = 1_000;

/** One MQTT 3.1.1 connection, clean, without will, QoS 0, never reconnecting by itself (firmware D1–D4). */
export class MqttConnection {
  readonly #options: MqttConnectionOptions;
  readonly #handlers: MqttConnectionHandlers;
  readonly #client: MqttClient;
  readonly #closed: Promise<void>;
  #socket: Socket | undefined;
  #stage: MqttStage = 'connecting';
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
      username: endpoint.username,
      password: endpoint.password,
      keepalive: endpoint.keepAliveSeconds ?? keepAliveSeconds,
      reconnectPeriod: 0,
      // The clock above decides; this only stops the library from deciding earlier.
      connectTimeout: handshakeTimeoutMs + 60_000,
      queueQoSZero: false,
      resubscribe: false,
      timerVariant: 'native',
    });
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
    this.#client.on('error', (error) => this.#finish(endOfMqttError(error, this.#stage, address.label)));
    this.#client.on('close', () => this.#finish(endOfMqttClose(this.#stage, address.label)));
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
    this.#client.publish(publishTopic, text, { qos: 0, retain: false });
    return true;
  }

  /** Says goodbye to the broker and resolves when the connection is gone; idempotent, silences the handlers. */
  end(): Promise<void> {
    this.#over = true;
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
    socket.setNoDelay(true);
    const guard = new MqttPacketGuard(maxIncomingBytes);
    socket.on('data', (bytes: Buffer) => {
      if (!guard.take(bytes))
        this.#finish(endOfMqttError(new Error('it sent a packet without end'), this.#stage, address.label));
    });
    this.#socket = socket;
    return socket;
  }

  #accepted(): void {
    if (this.#over) return;
    this.#options.clock.clearTimeout(this.#connectTimer);
    this.#stage = 'accepted';
    const { subscribeTopic } = this.#options.endpoint;
    // Some servers write "null" where there is none (servers.md 5.1); gateways push without (D4).
    if (subscribeTopic !== undefined && subscribeTopic !== '' && subscribeTopic !== 'null') {
      this.#client.subscribe(subscribeTopic, { qos: 0 }, () => {});
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
    this.#options.clock.clearTimeout(this.#connectTimer);
    this.#cut();
    this.#handlers.onEnd(end);
  }

  #cut(): void {
    this.#client.end(true);
    this.#socket?.destroy();
  }
}
