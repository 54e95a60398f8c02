import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { OpusCodec } from '../ports/opus-codec.ts';
import { createActivationDesk } from './activation.ts';
import { createAnswerSpeech, type LoadWav, type Synthesize } from './answer-speech.ts';
import { type BehaviourOptions, createBehaviour } from './behaviour.ts';
import type { Impairment } from './impairment.ts';
import { createMqttEndpoint } from './mqtt-endpoint.ts';
import { createOtaEndpoint, otaPath } from './ota-endpoint.ts';
import type { Script } from './script.ts';
import type { ScriptResult } from './script-player.ts';
import { createUdpEndpoint } from './udp-endpoint.ts';
import { createWebSocketEndpoint, websocketPath } from './websocket-endpoint.ts';

export interface DemoServerOptions {
  /** Address to listen on, `127.0.0.1` for this machine only. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** A new device must be activated with a code first. */
  readonly activation?: boolean;
  /** Devices that sign their activation (firmware A46) must sign with this key. */
  readonly activationKey?: Uint8Array | undefined;
  /** The WebSocket needs the token that the OTA answer handed out. */
  readonly auth?: boolean;
  /** The binary version that the OTA answer asks for; 1 when not given. */
  readonly protocolVersion?: 1 | 2 | 3;
  /** WAV file spoken for a text turn when there is no speech synthesis. */
  readonly recording?: string | undefined;
  readonly script?: Script | undefined;
  /** MQTT and UDP as well, and the OTA answer says so; `{}` takes any free ports. */
  readonly mqtt?: { readonly port?: number; readonly udpPort?: number } | undefined;
  /** A bad network between the server and its devices. */
  readonly impairment?: Impairment | undefined;
  /** Which real server it takes after. */
  readonly behaviour?: BehaviourOptions | undefined;
}

export interface DemoServerParts {
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Rejects when the file cannot be used. */
  readonly loadWav?: LoadWav | undefined;
  /** Undefined when there is no voice for the language. */
  readonly synthesize?: Synthesize | undefined;
}

export interface DemoServerUrls {
  readonly otaUrl: string;
  readonly websocketUrl: string;
  /** Only with `mqtt`. */
  readonly mqttUrl?: string;
}

export interface DemoServer {
  /**
   * Listens for OTA requests and WebSockets on one port, and for MQTT and UDP on others if it is to.
   * @throws ClientError SERVER_ADDRESS_UNAVAILABLE when the address is taken or not ours.
   */
  start(): Promise<DemoServerUrls>;
  /** Cuts all connections; idempotent, resolves when nothing is left. */
  stop(): Promise<void>;
  /** A person enters an activation code. False when no device shows it. */
  activate(code: string): boolean;
  /** Pushes a message to a device that is connected over MQTT, talking or idle. False when it is not. */
  push(deviceId: string, message: object): boolean;
  /** How the scripted connections went, in the order they ended; the last 1000. */
  readonly scriptResults: readonly ScriptResult[];
}

const requestTimeoutMs = 10_000;
const maxConnections = 256;

/** The far end of the wire: what the device meets on its first run, in tests, and when somebody reports a bug. */
export function createDemoServer(options: DemoServerOptions, parts: DemoServerParts): DemoServer {
  const { codec, clock, loadWav, synthesize } = parts;
  const logger = parts.logger.child('demo-server');
  const sockets = new Set<Duplex>();
  const activation = createActivationDesk({
    required: options.activation ?? false,
    hmacKey: options.activationKey,
    logger,
  });
  let mqttPort = 0;
  const conversation = {
    codec,
    clock,
    logger,
    behaviour: createBehaviour(options.behaviour ?? {}),
    speak: createAnswerSpeech({ synthesize, loadWav, recording: options.recording, logger }),
    admits: (deviceId: string, token: string) => !options.auth || ota.knowsToken(deviceId, token),
  };
  const { host, impairment } = options;
  const websocket = createWebSocketEndpoint({ ...conversation, loadWav, script: options.script, impairment });
  const mqtt =
    options.mqtt &&
    createMqttEndpoint({
      ...conversation,
      host,
      port: options.mqtt.port ?? 0,
      udp: createUdpEndpoint({ host, port: options.mqtt.udpPort ?? 0, impairment, clock, logger }),
    });
  const ota = createOtaEndpoint({
    activation,
    protocolVersion: options.protocolVersion ?? 1,
    hostFor: (request) => reachedAt(request),
    websocketUrlFor: (request) => `ws://${reachedAt(request)}${websocketPath}`,
    mqttOfferFor:
      mqtt &&
      ((request, deviceId, clientId, password) =>
        mqtt.offer(reachedAt(request, mqttPort), deviceId, clientId, password)),
    logger,
  });

  const http = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (request, response) => ota.handle(request, response),
  );
  http.maxConnections = maxConnections;
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    // Control messages and packets leave one by one; waiting to fill a segment would make speech arrive in lumps.
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  http.on('upgrade', (request, socket, head) => websocket.upgrade(request, socket as Socket, head));

  function listen(): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      http.once('error', (cause) => reject(cannotListen(options, options.port, cause)));
      http.listen(options.port, options.host, () => {
        http.removeAllListeners('error');
        http.on('error', (error) => logger.error('the demo server failed', { reason: messageOf(error) }));
        resolve(http.address() as AddressInfo);
      });
    });
  }

  return {
    async start() {
      const at = await listen();
      if (mqtt) {
        mqttPort = await mqtt.start().catch((cause) => {
          http.close();
          throw cannotListen(options, options.mqtt?.port || options.mqtt?.udpPort || 0, cause);
        });
      }
      const urls = {
        otaUrl: `http://${hostAndPort(at)}${otaPath}`,
        websocketUrl: `ws://${hostAndPort(at)}${websocketPath}`,
        ...(mqtt && { mqttUrl: `mqtt://${hostAndPort({ ...at, port: mqttPort })}` }),
      };
      logger.info('demo server listens', { ...urls });
      return urls;
    },
    async stop() {
      websocket.stop();
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, mqtt?.stop()]);
    },
    push: (deviceId, message) => mqtt?.push(deviceId, message) ?? false,
    activate: (code) => activation.enter(code),
    get scriptResults() {
      return websocket.scriptResults;
    },
  };
}

/** The address under which the asking device reached us: right on loopback, in the LAN and with several interfaces. */
function reachedAt({ socket }: IncomingMessage, port = socket.localPort ?? 0): string {
  return hostAndPort({ address: socket.localAddress ?? '127.0.0.1', port });
}

function hostAndPort({ address, port }: Pick<AddressInfo, 'address' | 'port'>): string {
  const plain = address.replace(/^::ffff:/u, '');
  const host = plain === '0.0.0.0' ? '127.0.0.1' : plain === '::' ? '[::1]' : plain;
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

function cannotListen({ host }: DemoServerOptions, port: number, cause: NodeJS.ErrnoException): ClientError {
  const reason =
    cause.code === 'EADDRINUSE'
      ? `Port ${port} on ${host} is taken by another program. Choose another port, or end that program.`
      : cause.code === 'EACCES'
        ? `Port ${port} may not be opened by this user. Choose a port above 1023.`
        : `The demo server cannot listen on ${host}, port ${port}: ${cause.message}. Use 127.0.0.1 or an address of this machine.`;
  return new ClientError(ErrorCode.serverAddressUnavailable, reason, { cause });
}
