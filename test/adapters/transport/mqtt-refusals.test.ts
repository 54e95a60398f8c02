import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MqttEndpoint } from '../../../src/ports/provisioning.ts';
import type { ChannelEnd } from '../../../src/ports/session-transport.ts';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  type MortalBroker,
  noMosquitto,
  startMosquitto,
  startPushingBroker,
} from '../../support/message-broker.ts';
import { until } from '../../support/scripted-server.ts';
import { mqttHub } from './mqtt-bench.ts';

const connackOk = Uint8Array.of(0x20, 2, 0, 0);
const connack = (code: number) => Uint8Array.of(0x20, 2, 0, code);
const userFlag = 0x80;
const passwordFlag = 0x40;

let clock: FakeClock;
const closers: (() => unknown)[] = [];
beforeEach(() => {
  clock = new FakeClock();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A TCP server that reads one CONNECT and does what the test says. */
async function rawBroker(onConnect: (socket: Socket, packet: Buffer) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', (packet: Buffer) => onConnect(socket, packet));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const endpoint: MqttEndpoint = {
    endpoint: `127.0.0.1:${port}`,
    clientId: 'device-1',
    username: 'user',
    password: 'secret',
    publishTopic: 'device-server',
  };
  return { endpoint, sockets };
}

function openLink(endpoint: MqttEndpoint, hub = mqttHub({ endpointOf: () => endpoint } as never, clock)) {
  const link = hub.createLink();
  closers.push(() => link.close());
  const ends: ChannelEnd[] = [];
  const problems: string[] = [];
  const events: string[] = [];
  link.open({
    onUp: () => events.push('up'),
    onMessage: () => events.push('message'),
    onProblem: (error) => problems.push(error.message),
    onEnd: (end) => ends.push(end),
  });
  return { link, ends, problems, events };
}

describe('CONNECT', () => {
  /** Connect flags: behind the fixed header (2), the protocol name (6) and the level (1). */
  const flagsOf = async (change: Partial<MqttEndpoint>) => {
    let flags: number | undefined;
    const { endpoint } = await rawBroker((_socket, packet) => {
      flags = packet[9];
    });
    openLink({ ...endpoint, ...change });
    await until(() => flags !== undefined);
    return (flags ?? 0) & (userFlag | passwordFlag);
  };

  it('leaves out credentials that are not there', async () => {
    expect(await flagsOf({ username: '', password: '' })).toBe(0);
    expect(await flagsOf({ password: '' })).toBe(userFlag);
    expect(await flagsOf({})).toBe(userFlag | passwordFlag);
    expect(await flagsOf({ username: '' })).toBe(userFlag | passwordFlag);
  });

  it('names a keep-alive that the protocol has, whatever the server wants', async () => {
    for (const keepAliveSeconds of [0.2, 59.5, 1e9]) {
      let packet: Buffer | undefined;
      const { endpoint } = await rawBroker((_socket, bytes) => {
        packet = bytes;
      });
      openLink({ ...endpoint, keepAliveSeconds });
      await until(() => packet !== undefined);
      expect(packet?.readUInt16BE(10)).toBe(Math.min(65_535, Math.max(1, Math.round(keepAliveSeconds))));
    }
  });
});

describe('a broker that floods with packets that say nothing', () => {
  const packets = (count: number, ...bytes: number[]) =>
    Buffer.concat(Array.from({ length: count }, () => Uint8Array.from(bytes)));

  it.each([
    ['answers to pings', [0xd0, 0]],
    ['acknowledgements', [0x40, 2, 0, 1]],
  ])('is left before the library has taken them: %s', async (_, packet) => {
    const { endpoint } = await rawBroker((socket) =>
      socket.write(Buffer.concat([connackOk, packets(30_000, ...packet)])),
    );
    const before = process.cpuUsage();
    const { ends } = openLink(endpoint);
    await until(() => ends.length > 0);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
    expect(ends[0]?.description).toContain('it floods the connection with packets that say nothing');
    expect(ends[0]?.error).toMatchObject({ code: 'TRANSPORT_CLOSED', retryable: true });
  });

  it('is not one that sends some more than it should', async () => {
    const word = Buffer.from([0x30, 5, 0, 1, 0x61, 0x7b, 0x7d]);
    const { endpoint } = await rawBroker((socket) =>
      socket.write(Buffer.concat([connackOk, packets(150, 0xd0, 0), word])),
    );
    const { ends, events } = openLink(endpoint);
    await until(() => events.includes('message'));
    expect(ends).toEqual([]);
  });
});

describe('a broker that refuses', () => {
  it.each([
    [2, 'TRANSPORT_REFUSED', 'it does not accept the client id'],
    [4, 'TRANSPORT_REFUSED', 'user name or password are wrong'],
    [130, 'TRANSPORT_REFUSED', 'the way this device connects'],
    [133, 'TRANSPORT_REFUSED', 'it does not accept the client id'],
    [134, 'TRANSPORT_REFUSED', 'user name or password are wrong'],
    [135, 'TRANSPORT_REFUSED', 'this device may not connect'],
    [200, 'TRANSPORT_REFUSED', 'MQTT code 200'],
    [3, 'TRANSPORT_UNREACHABLE', 'it is in trouble'],
    [136, 'TRANSPORT_UNREACHABLE', 'it is in trouble'],
    [137, 'TRANSPORT_UNREACHABLE', 'it is busy'],
  ])('with CONNACK %i says it in words', async (code, kind, words) => {
    const { endpoint } = await rawBroker((socket) => socket.write(connack(code)));
    const { ends } = openLink(endpoint);
    await until(() => ends.length > 0);
    expect(ends[0]?.error?.code).toBe(kind);
    expect(ends[0]?.description).toContain(words);
    expect(ends[0]?.description).toContain(`MQTT code ${code}`);
  });

  it.each([
    ['closes', (socket: Socket) => void socket.end(connackOk)],
    ['resets', (socket: Socket) => void socket.write(connackOk, () => socket.resetAndDestroy())],
  ])('and %s the connection right behind CONNACK has refused', async (_how, refuse) => {
    const { endpoint } = await rawBroker(refuse);
    const { ends } = openLink(endpoint);
    await until(() => ends.length > 0);
    expect(ends[0]?.error).toMatchObject({ code: 'TRANSPORT_REFUSED', retryable: true });
    expect(ends[0]?.description).toContain('hung up right after the connection was made');
  });

  it('a subscription, is told: nothing may be heard without it', async () => {
    const { endpoint } = await rawBroker((socket) => {
      socket.write(connackOk);
      socket.once('data', (packet: Buffer) => {
        socket.write(Uint8Array.of(0x90, 3, packet[2] ?? 0, packet[3] ?? 0, 0x80));
      });
    });
    const { problems } = openLink({ ...endpoint, subscribeTopic: 'devices/p2p/x' });
    await until(() => problems.length > 0);
    expect(problems[0]).toContain('listen to the topic devices/p2p/x');
  });
});

describe('a connection that is lost', () => {
  const kept = async () => {
    const { endpoint, sockets } = await rawBroker((socket) => socket.write(connackOk));
    const hub = mqttHub({ endpointOf: () => endpoint } as never, clock);
    const { ends, events, link } = openLink(endpoint, hub);
    await until(() => link.sendText('{}'));
    clock.advance(2_000);
    expect(events).toEqual(['up']);
    return { ends, hub, socket: sockets[0] as Socket };
  };

  it.each([
    ['closed', (socket: Socket) => void socket.end()],
    ['reset', (socket: Socket) => void socket.resetAndDestroy()],
  ])('(%s) while nobody talked was no conversation, and no refusal', async (_how, lose) => {
    const { ends, socket } = await kept();
    lose(socket);
    await until(() => ends.length > 0);
    expect(ends[0]?.error).toMatchObject({ code: 'TRANSPORT_CLOSED', retryable: true });
    expect(ends[0]?.description).toContain('was lost while nobody talked');
  });

  it('while somebody talked breaks the conversation off', async () => {
    const { hub, socket } = await kept();
    const transport = hub.create();
    closers.push(() => transport.close());
    const record = openRecorded(transport);
    await until(() => clock.pendingTimers > 0);
    socket.end();
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.description).toContain('broke off: the connection was lost');
  });
});

/** Two devices of one identity, each coming back a second after it was pushed out, as the device does. */
async function fight(broker: MortalBroker, rounds: number) {
  const hubs = [0, 1].map(() => mqttHub(broker, clock, { clientId: 'twin' }));
  const said: string[][] = [[], []];
  const connected = [0, 0];
  const attach = (index: number) => {
    const link = (hubs[index] as ReturnType<typeof mqttHub>).createLink();
    closers.push(() => link.close());
    link.open({
      onUp: () => {
        connected[index] = (connected[index] ?? 0) + 1;
      },
      onMessage: () => {},
      onProblem: () => {},
      onEnd: ({ error }) => {
        said[index]?.push(error?.code ?? 'none');
        void link.close();
        clock.setTimeout(() => attach(index), 1_000);
      },
    });
  };
  attach(0);
  await until(() => clock.pendingTimers > 0);
  clock.advance(2_000);
  attach(1);
  for (let round = 0; round < rounds; round++) {
    for (let ticks = 0; ticks < 40; ticks++) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 5));
    clock.advance(2_500);
  }
  return { said, connected };
}

describe('two devices with one identity', () => {
  const brokers: [string, () => Promise<MortalBroker>][] = [['a gateway', () => startPushingBroker()]];
  if (noMosquitto === undefined) brokers.push(['mosquitto', startMosquitto]);
  it.each(brokers)('at %s are told so once each, and fight no more', async (_name, start) => {
    const broker = await start();
    closers.push(() => broker.stop());
    const { said } = await fight(broker, 48);
    for (const codes of said)
      expect(codes.filter((code) => code === 'IDENTITY_IN_USE').length).toBeLessThan(2);
    expect(said.flat()).toContain('IDENTITY_IN_USE');
    // In two minutes, where each would otherwise push the other out every three seconds.
    expect(said.flat().length).toBeLessThan(14);
  });

  it('are told how to part, and a person who wants to talk does not wait', async () => {
    const sockets: Socket[] = [];
    const { endpoint } = await rawBroker((socket) => {
      sockets.push(socket);
      socket.write(connackOk);
    });
    const hub = mqttHub({ endpointOf: () => endpoint } as never, clock);
    let last: ChannelEnd | undefined;
    for (let round = 1; round <= 3; round++) {
      const { ends, link } = openLink(endpoint, hub);
      await until(() => link.sendText('{}'));
      clock.advance(2_000);
      sockets[round - 1]?.end();
      await until(() => ends.length > 0);
      last = ends[0];
      await link.close();
    }
    expect(last?.error).toMatchObject({ code: 'IDENTITY_IN_USE', retryable: true });
    expect(last?.description).toMatch(/client id device-1.*--set paths\.state=DIR.*identity\.deviceId/su);
    expect(last?.description).not.toContain('secret');
    openLink(endpoint, hub);
    await until(() => clock.pendingTimers === 1);
    clock.advance(50_000);
    expect(sockets).toHaveLength(3);
    const transport = hub.create();
    closers.push(() => transport.close());
    openRecorded(transport);
    await until(() => sockets.length === 4);
  });

  it('are not suspected when a server is restarted again and again', async () => {
    const broker = await startPushingBroker();
    closers.push(() => broker.stop());
    const hub = mqttHub(broker, clock);
    const codes: (string | undefined)[] = [];
    for (let round = 0; round < 4; round++) {
      const { ends, link } = openLink(broker.endpointOf('device-1'), hub);
      await until(() => link.sendText('{}'));
      clock.advance(2_000);
      await broker.kill();
      await until(() => ends.length > 0);
      await link.close();
      const away = openLink(broker.endpointOf('device-1'), hub);
      await until(() => away.ends.length > 0);
      await away.link.close();
      codes.push(ends[0]?.error?.code, away.ends[0]?.error?.code);
      await broker.listen();
    }
    expect(new Set(codes)).toEqual(new Set(['TRANSPORT_CLOSED', 'TRANSPORT_UNREACHABLE']));
  });
});
