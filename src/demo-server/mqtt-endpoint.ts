import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Aedes, Client } from 'aedes';
import { messageOf } from '../core/errors.ts';
import type { ConversationParts } from './conversation-parts.ts';
import { createMqttDevice, type MqttDevice } from './mqtt-device.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

export interface MqttEndpointOptions extends ConversationParts {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly udp: UdpEndpoint;
  /** May this device connect with this password? */
  admits(deviceId: string, password: string): boolean;
}

/** What an OTA answer tells a device about this endpoint (servers.md 1.13). */
export interface MqttOffer {
  readonly endpoint: string;
  readonly client_id: string;
  readonly username: string;
  readonly password: string;
  readonly publish_topic: string;
  readonly subscribe_topic: string;
}

export interface MqttEndpoint {
  /** Resolves with the port. Rejects with the system's error. */
  start(): Promise<number>;
  offer(hostAndPort: string, deviceId: string, clientId: string, password: string): MqttOffer;
  /** Pushes a message to a device, in whatever it is doing. False when it is not connected. */
  push(deviceId: string, message: object): boolean;
  stop(): Promise<void>;
}

const uplinkTopic = 'device-server';
/** Gateways take no more, the packet header included (servers.md 3.1). */
const maxPayloadBytes = 8_192;
const maxConnections = 256;

/** The MQTT side as a gateway has it: pushes without subscription, takes any topic, QoS 0 only (servers.md 3.1). */
export function createMqttEndpoint(options: MqttEndpointOptions): MqttEndpoint {
  const { host, port, udp, logger, admits } = options;
  const devices = new Map<Client, MqttDevice>();
  const sockets = new Set<Socket>();
  let broker: Aedes | undefined;
  let udpPort = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    broker?.handle(socket);
  });
  server.maxConnections = maxConnections;

  async function startBroker(): Promise<Aedes> {
    // Loaded on use: most runs have no MQTT.
    const { Aedes: AedesBroker } = await import('aedes');
    const made = await AedesBroker.createBroker({ maxClientsIdLength: 256 });
    made.authenticate = (client, _username, password, done) => {
      const admitted = admits(deviceIdOf(client.id), password?.toString('utf8') ?? '');
      if (admitted) done(null, true);
      else done(Object.assign(new Error('not admitted'), { returnCode: 4 }), false);
    };
    // Nobody hears what others say: a device that subscribes is told yes, and pushed to as before.
    made.authorizeForward = (_client, packet) => ('clientId' in packet ? null : packet);
    made.authorizePublish = (client, packet, done) => {
      packet.retain = false;
      const refusal =
        packet.qos !== 0
          ? 'QoS is not 0'
          : packet.payload.length > maxPayloadBytes
            ? `${packet.payload.length} bytes are too many`
            : undefined;
      if (client && refusal) devices.get(client)?.refuse(refusal);
      done(refusal ? new Error(refusal) : null);
    };
    // From the moment it may speak: aedes handles what comes behind CONNACK before it calls the client ready.
    made.on('connackSent', (packet, client) => {
      if (packet.returnCode === 0) devices.set(client, serve(client));
    });
    made.on('clientDisconnect', (client) => {
      devices.get(client)?.gone();
      devices.delete(client);
    });
    made.on('clientError', (client, error) =>
      logger.debug('a device was cut off', { client: client.id, reason: messageOf(error) }),
    );
    made.on('connectionError', (_client, error) =>
      logger.debug('a connection was refused', { reason: messageOf(error) }),
    );
    made.on('publish', ({ payload }, client) => {
      if (client) guarded(client, () => devices.get(client)?.receive(payload.toString('utf8')));
    });
    return made;
  }

  /** A bug in here must cost one device, not the process. */
  function guarded(client: Client, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      logger.error('the demo server failed and gives this device up', { reason: messageOf(thrown) });
      client.close();
    }
  }

  function serve(client: Client): MqttDevice {
    const deviceId = deviceIdOf(client.id);
    const deviceLogger = logger.child(deviceId);
    deviceLogger.info('device connected over MQTT');
    const { localAddress = '127.0.0.1' } = client.conn as Socket;
    const topic = topicOf(deviceId);
    return createMqttDevice({
      ...options,
      logger: deviceLogger,
      udp,
      udpAddress: { server: localAddress.replace(/^::ffff:/u, ''), port: udpPort },
      push(message) {
        const payload = JSON.stringify(message);
        client.publish({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }, () => {});
      },
      hangUp: () => client.close(),
    });
  }

  return {
    async start() {
      broker = await startBroker();
      udpPort = await udp.start();
      server.listen(port, host);
      await once(server, 'listening');
      server.on('error', (error) => logger.error('the MQTT endpoint failed', { reason: messageOf(error) }));
      return (server.address() as AddressInfo).port;
    },
    offer: (hostAndPort, deviceId, clientId, password) => ({
      endpoint: hostAndPort,
      client_id: `GID_demo@@@${deviceId.replaceAll(':', '_')}@@@${clientId}`,
      username: Buffer.from('{"ip": "unknown"}').toString('base64'),
      password,
      publish_topic: uplinkTopic,
      subscribe_topic: topicOf(deviceId),
    }),
    push(deviceId, message) {
      const found = [...devices].find(([client]) => deviceIdOf(client.id) === deviceId);
      found?.[1].push(message);
      return found !== undefined;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      for (const device of devices.values()) device.gone();
      devices.clear();
      if (server.listening) {
        server.close();
        await once(server, 'close');
      }
      const ended = broker;
      if (ended) await new Promise<void>((resolve) => ended.close(() => resolve()));
      await udp.stop();
    },
  };
}

/** `group@@@mac@@@uuid` or `group@@@mac`, the MAC with underscores (servers.md 3.2); anything else names itself. */
function deviceIdOf(clientId: string): string {
  return (clientId.split('@@@')[1] ?? clientId).replaceAll('_', ':');
}

function topicOf(deviceId: string): string {
  return `devices/p2p/${deviceId.replaceAll(':', '_')}`;
}
