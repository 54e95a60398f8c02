import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes, type Client } from 'aedes';
import { connectAsync } from 'mqtt';
import type { MqttEndpoint } from '../../src/ports/provisioning.ts';

/** A broker with a gateway behind it: takes what devices publish, and pushes to one of them. */
export interface MessageBroker {
  readonly port: number;
  /** Called for every message of a device. */
  onText: (clientId: string, text: string) => void;
  push(clientId: string, text: string, options?: { retain?: boolean }): void;
  /** Where a device of this name connects, and what it subscribes to, if it must. */
  endpointOf(clientId: string): MqttEndpoint;
  stop(): Promise<void>;
}

/** One that can die and come back. */
export interface MortalBroker extends MessageBroker {
  /** Cuts everybody and listens no more; `listen` takes the same port again. */
  kill(): Promise<void>;
  listen(): Promise<void>;
}

export interface PushingBroker extends MortalBroker {
  /** Devices that are connected. */
  readonly clientIds: readonly string[];
  /** Resets the connection of a device. */
  cut(clientId: string): void;
  /** Holds back what is pushed to a device until the answer is called; then all of it arrives at once. */
  hold(clientId: string): () => void;
  /** 0 takes everybody; else the CONNACK code, or `hang-up` right after CONNACK. */
  verdict: 0 | 4 | 5 | 'hang-up';
  /** User name and password that came last. */
  readonly credentials: readonly [string | undefined, string | undefined];
  readonly subscriptions: readonly string[];
  /** How often somebody asked for a sign of life. */
  readonly pings: number;
}

const onLoopback = { host: '127.0.0.1', port: 0 };

/** Pushes to clients that never subscribe, as the gateways in the field do. */
export async function startPushingBroker(at = onLoopback): Promise<PushingBroker> {
  const clients = new Map<string, Client>();
  const sockets = new Set<Socket>();
  const subscriptions: string[] = [];
  let credentials: [string | undefined, string | undefined] = [undefined, undefined];
  let pings = 0;
  const aedes = await Aedes.createBroker();
  aedes.on('ping', () => {
    pings += 1;
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  const broker: PushingBroker = {
    get port() {
      return at.port;
    },
    get clientIds() {
      return [...clients.keys()];
    },
    subscriptions,
    verdict: 0,
    get credentials() {
      return credentials;
    },
    get pings() {
      return pings;
    },
    onText: () => {},
    push(clientId, text, { retain = false } = {}) {
      const packet = {
        cmd: 'publish',
        topic: 'any/topic',
        payload: text,
        qos: 0,
        retain,
        dup: false,
      } as const;
      clients.get(clientId)?.publish(packet, () => {});
    },
    hold(clientId) {
      const socket = clients.get(clientId)?.conn as Socket | undefined;
      socket?.cork();
      return () => socket?.uncork();
    },
    cut: (clientId) => void (clients.get(clientId)?.conn as Socket | undefined)?.resetAndDestroy(),
    endpointOf: (clientId) => endpointAt(at.port, clientId),
    async listen() {
      server.listen(at);
      await once(server, 'listening');
      at = { host: at.host, port: (server.address() as AddressInfo).port };
    },
    async kill() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
    async stop() {
      await broker.kill();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
  aedes.authenticate = (_client, user, password, done) => {
    credentials = [user, password?.toString()];
    if (broker.verdict === 0 || broker.verdict === 'hang-up') done(null, true);
    else done(Object.assign(new Error('no'), { returnCode: broker.verdict as number }), false);
  };
  aedes.authorizeSubscribe = (_client, subscription, callback) => {
    subscriptions.push(subscription.topic);
    callback(null, subscription);
  };
  aedes.on('clientReady', (client) => {
    clients.set(client.id, client);
    if (broker.verdict === 'hang-up') client.close();
  });
  aedes.on('clientDisconnect', (client) => {
    if (clients.get(client.id) === client) clients.delete(client.id);
  });
  aedes.on('publish', ({ payload }, client) => {
    if (client) broker.onText(client.id, payload.toString());
  });
  await broker.listen();
  return broker;
}

function endpointAt(port: number, clientId: string): MqttEndpoint {
  return {
    endpoint: `127.0.0.1:${port}`,
    clientId,
    username: 'user',
    password: 'secret',
    publishTopic: 'device-server',
  };
}

const mosquittoPath = ['mosquitto', '/usr/sbin/mosquitto'].find(
  (path) => spawnSync(path, ['-h'], { stdio: 'ignore' }).error === undefined,
);
/** Why there is no real broker; undefined when there is. */
export const noMosquitto =
  mosquittoPath === undefined ? 'mosquitto is not installed; scripts/setup --ci does it' : undefined;

/** A plain broker knows nothing of devices: they subscribe, and a client of ours plays the gateway. */
export async function startMosquitto(): Promise<MortalBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'mosquitto-'));
  const port = await freePort();
  const config = join(directory, 'mosquitto.conf');
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  let child = await runMosquitto(config);
  const gateway = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    clientId: 'gateway',
    reconnectPeriod: 20,
  });
  await gateway.subscribeAsync('up/+');
  gateway.on('error', () => {});
  const kill = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const broker: MortalBroker = {
    port,
    onText: () => {},
    push: (clientId, text, { retain = false } = {}) =>
      void gateway.publish(`down/${clientId}`, text, { retain }),
    endpointOf: (clientId) => ({
      ...endpointAt(port, clientId),
      publishTopic: `up/${clientId}`,
      subscribeTopic: `down/${clientId}`,
    }),
    kill,
    async listen() {
      // Subscribed anew before any device can be: nothing that one says is missed.
      const back = new Promise<void>((resolve) => void gateway.once('connect', () => resolve()));
      child = await runMosquitto(config);
      await back;
      await gateway.subscribeAsync('up/+');
    },
    async stop() {
      await gateway.endAsync(true);
      await kill();
      await rm(directory, { recursive: true });
    },
  };
  gateway.on('message', (topic, payload) => broker.onText(topic.slice('up/'.length), payload.toString()));
  return broker;
}

async function runMosquitto(config: string): Promise<ChildProcess> {
  const child = spawn(mosquittoPath ?? 'mosquitto', ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await running(child);
  return child;
}

async function running(child: ChildProcess): Promise<void> {
  let log = '';
  for await (const text of child.stderr ?? []) {
    log += String(text);
    if (log.includes('running')) break;
  }
  if (child.exitCode !== null) throw new Error(`mosquitto ended: ${log}`);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(onLoopback);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
