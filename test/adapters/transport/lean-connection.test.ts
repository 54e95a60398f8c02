import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket, { type ClientOptions, WebSocketServer } from 'ws';
import { connectLean } from '../../../src/adapters/transport/lean-connection.ts';
import { makeCertificates } from '../../support/certificates.ts';
import { type ScriptedServer, startScriptedServer, until } from '../../support/scripted-server.ts';

const certificates = makeCertificates();
afterAll(() => certificates.remove());

describe.each(['ws', 'wss'] as const)('what comes over a lean %s connection', (scheme) => {
  let server: ScriptedServer;
  let socket: WebSocket;
  let received: Buffer[];

  beforeEach(async () => {
    server = await startScriptedServer(scheme === 'wss' ? { tls: certificates.here } : {});
    received = [];
  });
  afterEach(async () => {
    socket?.terminate();
    await server.stop();
  });

  const meet = async (url = server.url) => {
    socket = new WebSocket(url, {
      perMessageDeflate: false,
      ca: [certificates.here.cert],
      createConnection: connectLean(url) as ClientOptions['createConnection'],
    });
    socket.on('message', (data) => received.push(data as Buffer));
    await once(socket, 'open');
    return server.peers.at(-1) as ScriptedServer['peers'][number];
  };

  it('is what was sent, in messages of any size, and stays so when more has come', async () => {
    const peer = await meet();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40, size: 'max' }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.constantFrom(1, 7, 125, 126, 4_000, 20_000), { minLength: 8, maxLength: 8 }),
        async (messages, times) => {
          received = [];
          const sent = messages.map((bytes, i) =>
            Buffer.concat(Array.from({ length: times[i] as number }, () => bytes)),
          );
          for (const message of sent) peer.socket.send(message);
          await until(() => received.length === sent.length);
          expect(received.every((bytes, i) => bytes.equals(sent[i] as Buffer))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('waits while nobody wants to read', async () => {
    const peer = await meet();
    const packet = Buffer.alloc(60_000, 7);
    const count = 600;
    socket.pause();
    for (let i = 0; i < count; i++) peer.socket.send(packet);
    peer.socket.send('last');
    for (let turn = 0; turn < 3_000; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(received.length).toBe(0);
    expect(peer.socket.bufferedAmount).toBeGreaterThan(0);
    socket.resume();
    await until(() => received.length === count + 1);
    expect(received.at(-1)?.toString()).toBe('last');
  });

  it('comes also from an address in odd spelling', async () => {
    const peer = await meet(
      ` ${server.url.replace(scheme, `${scheme[0]?.toUpperCase()}\t${scheme.slice(1)}`)}`,
    );
    peer.socket.send('here');
    await until(() => received.length === 1);
  });

  it('comes also from a server that is known by name', async () => {
    const peer = await meet(server.url.replace('127.0.0.1', 'localhost'));
    peer.socket.send('here');
    await until(() => received.length === 1);
    if (scheme === 'wss')
      expect((peer.connection as TLSSocket & { servername: string }).servername).toBe('localhost');
  });
});

it('takes a message that comes in one piece with the answer to the upgrade', async () => {
  const sockets = new WebSocketServer({ noServer: true });
  const http = createServer().on('upgrade', (request, connection, head) => {
    connection.cork();
    sockets.handleUpgrade(request, connection, head, (peer) => peer.send('hello'));
    connection.uncork();
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const socket = new WebSocket(url, {
    createConnection: connectLean(url) as ClientOptions['createConnection'],
  });
  const [message] = await once(socket, 'message');
  expect(String(message)).toBe('hello');
  socket.terminate();
  for (const peer of sockets.clients) peer.terminate();
  await once(http.close(), 'close');
});
