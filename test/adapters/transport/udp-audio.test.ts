import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UdpAudio } from '../../../src/adapters/transport/udp-audio.ts';
import type { UdpOffer } from '../../../src/protocol/udp-offer.ts';
import { openUdpPacket, sealUdpPacket } from '../../../src/protocol/udp-packet.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/scripted-server.ts';

const keys = { key: Buffer.alloc(16, 1), nonce: Buffer.from('01000000112233440000000000000000', 'hex') };
let clock: FakeClock;
let server: Socket;
let audio: UdpAudio;
let arrived: Buffer[];
let heard: [number, number][];
let problems: string[];
let ready: number;

const offer = (host = '127.0.0.1'): UdpOffer => ({
  ...keys,
  hello: { sessionId: 's-1', sampleRateHz: 24_000, frameDurationMs: 60 },
  host,
  port: server.address().port,
  isCountedBySession: true,
});
const listen = async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
};
/** Sends to the device, which has punched its way. */
let toDevice: (datagram: Uint8Array, from?: Socket) => void;

beforeEach(async () => {
  clock = new FakeClock();
  server = await listen();
  arrived = [];
  heard = [];
  problems = [];
  ready = 0;
  audio = new UdpAudio(offer(), clock, {
    onReady: () => {
      ready += 1;
    },
    onPacket: (packet, _timestampMs, sequence) => heard.push([packet[0] as number, sequence]),
    onProblem: (error) => problems.push(error.message),
    onFailed: () => problems.push('failed'),
  });
  server.on('message', (datagram, { port }) => {
    arrived.push(datagram);
    toDevice = (bytes, from = server) => from.send(bytes, port, '127.0.0.1');
  });
  audio.open();
  await until(() => ready === 1);
  audio.punch();
  await until(() => arrived.length === 1);
});
afterEach(async () => {
  await audio.close();
  server.close();
});

const sealed = (sequence: number) => sealUdpPacket(keys, Uint8Array.of(sequence & 255), 0, sequence);

describe('UDP audio', () => {
  it('punches with a bare header and numbers every packet', async () => {
    audio.send(Uint8Array.of(7), 42);
    await until(() => arrived.length === 2);
    expect(arrived.map((datagram) => openUdpPacket(keys.key, datagram))).toMatchObject([
      { ok: true, sequence: 1, packet: Buffer.alloc(0) },
      { ok: true, sequence: 2, timestampMs: 42, packet: Buffer.of(7) },
    ]);
  });

  it('takes late packets, and no packet twice', async () => {
    for (const sequence of [1, 2, 4, 3, 3, 4, 5]) toDevice(sealed(sequence));
    await until(() => heard.length === 5);
    expect(heard.map(([, sequence]) => sequence)).toEqual([1, 2, 4, 3, 5]);
    expect(audio.counters).toMatchObject({ received: 5, duplicate: 2, reordered: 1 });
    expect(problems).toEqual([]);
  });

  it('drops what is malformed or replayed, counts each kind, and tells once a second', async () => {
    toDevice(sealed(500));
    toDevice(new Uint8Array(15));
    toDevice(new Uint8Array(5_000));
    toDevice(Buffer.from('02000000112233440000000000000001', 'hex'));
    toDevice(sealed(501).subarray(0, 16));
    toDevice(sealed(1));
    toDevice(sealed(900_000));
    toDevice(sealed(502));
    await until(() => heard.length === 2);
    expect(audio.counters).toMatchObject({
      short: 1,
      oversized: 1,
      'wrong-type': 1,
      'wrong-length': 1,
      replay: 1,
      jump: 1,
    });
    expect(problems).toEqual([expect.stringContaining('short 1')]);
    clock.advance(1_000);
    toDevice(new Uint8Array(1));
    await until(() => problems.length === 2);
    expect(problems[1]).toContain('oversized 1');
  });

  it('hears nobody but the server', async () => {
    const stranger = await listen();
    toDevice(sealed(1), stranger);
    await new Promise<void>((resolve) => stranger.close(() => resolve()));
    toDevice(sealed(2));
    await until(() => heard.length > 0);
    expect(heard).toEqual([[2, 2]]);
  });

  it('begins anew with a further hello', async () => {
    toDevice(sealed(500));
    await until(() => heard.length === 1);
    audio.renew(offer());
    toDevice(sealed(1));
    await until(() => heard.length === 2);
    audio.send(Uint8Array.of(1), 0);
    await until(() => arrived.length === 2);
    expect(openUdpPacket(keys.key, arrived[1] as Buffer)).toMatchObject({ sequence: 1 });
  });

  it('moves when a further hello names another place', async () => {
    const elsewhere = await listen();
    const reached = once(elsewhere, 'message');
    audio.renew({ ...offer(), port: elsewhere.address().port });
    await until(() => ready === 2);
    audio.punch();
    await reached;
    elsewhere.close();
  });

  it('keeps the real server audible under a flood of garbage', async () => {
    const garbage = [new Uint8Array(8), Buffer.alloc(64, 0xff), sealed(3).subarray(0, 16)];
    for (let round = 1; round <= 50; round++) {
      for (let i = 0; i < 40; i++) toDevice(garbage[i % 3] as Uint8Array);
      toDevice(sealed(round));
      await until(() => heard.at(-1)?.[1] === round);
    }
    expect(heard.length).toBe(50);
    expect(problems.length).toBe(1);
  });

  it('survives a server that is gone', async () => {
    server.close();
    for (let i = 0; i < 20; i++) {
      audio.send(Uint8Array.of(i), 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(problems).toEqual([]);
    server = await listen();
  });

  it.each(['255.255.255.255', 'fe80::1'])(
    'to an address that cannot be used (%s) fails, and the process lives',
    async (host) => {
      const lost = new UdpAudio(offer(host), clock, {
        onReady: () => problems.push('ready'),
        onPacket: () => {},
        onProblem: () => {},
        onFailed: (thrown) => problems.push((thrown as NodeJS.ErrnoException).code ?? 'no code'),
      });
      lost.open();
      await until(() => problems.length === 1);
      expect(problems[0]).toMatch(/^(EACCES|EINVAL)$/u);
      await lost.close();
    },
  );

  it('that loses its way in the middle is tried for some seconds, and then lost once', async () => {
    audio.renew(offer('255.255.255.255'));
    for (let tries = 0; tries < 5; tries++) {
      await until(() => clock.pendingTimers === 1);
      clock.advance(1_000);
    }
    await until(() => problems.length === 1);
    expect([problems, clock.pendingTimers]).toEqual([['failed'], 0]);
  });

  it('finds its way again when the network is back', async () => {
    audio.renew(offer('255.255.255.255'));
    await until(() => clock.pendingTimers === 1);
    expect(audio.send(Uint8Array.of(1), 0)).toBe(false);
    audio.renew(offer());
    await until(() => ready === 2);
    audio.punch();
    await until(() => arrived.length === 2);
    expect(problems).toEqual([]);
  });

  it('drops packets it cannot seal, and everything after close', async () => {
    expect(audio.send(new Uint8Array(70_000), 0)).toBe(false);
    await audio.close();
    expect(audio.send(Uint8Array.of(1), 0)).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });
});
