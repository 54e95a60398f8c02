import { type ChildProcess, spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import {
  connect,
  getDefaultAutoSelectFamilyAttemptTimeout,
  type Socket,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { createNodeFetch } from '../../src/adapters/mcp-client/node-fetch.ts';
import { dial } from '../../src/adapters/outbound-link/dialled-socket.ts';
import { httpPost } from '../../src/adapters/provisioning/http-post.ts';
import { createHttpClient } from '../../src/adapters/tools/http-client.ts';
import { MqttConnection } from '../../src/adapters/transport/mqtt-connection.ts';
import { WebSocketTransport } from '../../src/adapters/transport/websocket-transport.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { giveAddressesTime } from '../../src/network/address-time.ts';
import { device } from '../adapters/transport/websocket-bench.ts';
import { until } from '../support/scripted-server.ts';

const name = 'far.test';
/** Nowhere a way leads there (RFC 6666). */
const noRoute = { address: '100::1', family: 6 };
const lookupMs = 800;
const usualMs = getDefaultAutoSelectFamilyAttemptTimeout();

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  setDefaultAutoSelectFamilyAttemptTimeout(usualMs);
});

/** The name has these addresses, and it takes its time to find out. */
function slowNames(addresses: readonly { readonly address: string; readonly family: number }[]): void {
  const real = dns.lookup;
  vi.spyOn(dns, 'lookup').mockImplementation(((
    host: string,
    options: object,
    done: (...all: unknown[]) => void,
  ) => {
    if (host !== name) return (real as (...all: unknown[]) => void)(host, options, done);
    setTimeout(() => done(null, addresses), lookupMs);
  }) as typeof dns.lookup);
  syncBuiltinESMExports();
}

/**
 * A server at the end of a slow link: it stands still, so that nobody is let in, until it is woken; those who knock once more
 * after that (a second after the first time) come in.
 */
async function slowServer() {
  const program = `require('node:net').createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => process.stdout.write(\`[\${bytes.toString('latin1').split('\\r\\n')[0]}]\`));
  }).listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { process.send(this.address().port); });`;
  const child: ChildProcess = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child, 'message')) as [number];
  let heard = '';
  child.stdout?.on('data', (text: Buffer) => {
    heard += text.toString('latin1');
  });
  child.kill('SIGSTOP');
  // These take the places of those who have been let in and not been looked after.
  const waiting: Socket[] = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => {
    for (const socket of waiting) socket.destroy();
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  return { port, wake: () => child.kill('SIGCONT'), heard: () => heard };
}

/** Each way out of this program, and how the server knows it. */
function knockEverywhere(port: number): Readonly<Record<string, RegExp>> {
  const host = `${name}:${port}`;
  const clock = monotonicClock;
  const closers: (() => unknown)[] = [];
  onTestFinished(async () => {
    for (const close of closers) await close();
  });
  const leaving = new AbortController();
  closers.push(() => leaving.abort());
  const shared = { clock, handshakeTimeoutMs: 10_000, pingIntervalMs: 0 };

  httpPost({
    url: `http://${host}/ota/`,
    headers: {},
    body: '{}',
    limitMs: 20_000,
    maxBodyBytes: 1000,
    clock,
    signal: leaving.signal,
  }).catch(() => {});
  const transport = new WebSocketTransport({
    ...shared,
    ...device,
    endpoint: { url: `ws://${host}/chat`, token: '', version: 1 },
    uplink: { sampleRateHz: 16_000, frameDurationMs: 60 },
    helloTimeoutMs: 10_000,
    idleTimeoutMs: 0,
  });
  transport.open({
    onSession: () => {},
    onMessage: () => {},
    onAudio: () => {},
    onProblem: () => {},
    onEnd: () => {},
  });
  closers.push(() => transport.close());
  const mqtt = new MqttConnection(
    {
      ...shared,
      endpoint: { endpoint: host, clientId: 'd', username: '', password: '', publishTopic: 't' },
      address: { host: name, port, tls: false, label: host },
    },
    {
      onConnected: () => {},
      onMessage: () => {},
      onProblem: () => {},
      isTalking: () => false,
      onEnd: () => {},
    },
  );
  closers.push(() => mqtt.end());
  const mount = createNodeFetch(1000);
  mount.fetch(`http://${host}/mount`, { method: 'POST', body: '{}' }).catch(() => {});
  closers.push(() => mount.close());
  const tools = createHttpClient({ unreachable: (thrown: unknown) => thrown } as never);
  tools
    .send({ url: new URL(`http://${host}/tool`), method: 'GET', headers: {} }, leaving.signal)
    .catch(() => {});
  closers.push(() => tools.close());
  const point = dial({ url: `ws://${host}/point` }, clock, {
    onOpen: () => {},
    onText: () => {},
    onBinary: () => {},
    onEnd: () => {},
  });
  closers.push(() => point.hangUp());
  return {
    OTA: /POST \/ota/,
    chat: /GET \/chat/,
    MQTT: /MQTT/,
    tool: /GET \/tool/,
    mount: /POST \/mount/,
    'access point': /GET \/point/,
  };
}

/** Who has come through so far. */
const cameThrough = (ways: Readonly<Record<string, RegExp>>, heard: string) =>
  Object.keys(ways).filter((way) => ways[way]?.test(heard));

it.each([
  ['behind it', [{ address: '127.0.0.1', family: 4 }, noRoute]],
  ['before it', [noRoute, { address: '127.0.0.1', family: 4 }]],
])(
  'a slow link, slow names and an IPv6 address without a way (%s): every connection of this program comes through',
  async (_, addresses) => {
    giveAddressesTime();
    const server = await slowServer();
    slowNames(addresses);
    const ways = knockEverywhere(server.port);
    await new Promise((resolve) => setTimeout(resolve, lookupMs + 500));
    server.wake();
    await until(() => cameThrough(ways, server.heard()).length === Object.keys(ways).length);
  },
);

it('with the quarter of a second that Node gives an address they would not', async () => {
  setDefaultAutoSelectFamilyAttemptTimeout(250);
  const server = await slowServer();
  slowNames([{ address: '127.0.0.1', family: 4 }, noRoute]);
  const ways = knockEverywhere(server.port);
  await new Promise((resolve) => setTimeout(resolve, lookupMs + 500));
  server.wake();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(cameThrough(ways, server.heard())).toEqual([]);
});
