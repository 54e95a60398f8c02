import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, getDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createNodeFetch } from '../../src/adapters/mcp-client/node-fetch.ts';
import { dial } from '../../src/adapters/outbound-link/dialled-socket.ts';
import { httpPost } from '../../src/adapters/provisioning/http-post.ts';
import { createHttpClient } from '../../src/adapters/tools/http-client.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { giveAddressesTime } from '../../src/network/address-time.ts';
import { exemptFromProxies, proxyAgent, proxyFor, useProxies, viaProxy } from '../../src/network/proxy.ts';
import { mqttHub } from '../adapters/transport/mqtt-bench.ts';
import { helloOf, webSocketTransport } from '../adapters/transport/websocket-bench.ts';
import { openRecorded } from '../contract/session-transport.contract.ts';
import { makeCertificates } from '../support/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startScriptedServer, until } from '../support/scripted-server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  await useProxies({});
  for (const close of closers.splice(0).reverse()) await close();
});

/** A proxy that knows where the names of this test lead, and nothing else; all over CONNECT. */
async function startProxy(ports: Readonly<Record<string, number>>, credentials?: string) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const proxy: Server = createServer((_, response) => response.writeHead(400).end());
  proxy.on('connection', (socket: Socket) => sockets.add(socket));
  proxy.on('connect', ({ url = '', headers }, socket: Socket) => {
    asked.push(url);
    socket.on('error', () => {});
    const port = ports[url];
    if (credentials !== undefined && headers['proxy-authorization'] !== `Basic ${btoa(credentials)}`)
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
    else if (port === undefined) socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
    else {
      const far = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        far.pipe(socket).pipe(far);
      });
      far.on('error', () => socket.destroy());
      sockets.add(far);
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked };
}

async function serveHttp(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    response.end(JSON.stringify({ path: request.url }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('which proxy leads to a server', () => {
  const env = {
    HTTPS_PROXY: 'http://user:hush@secure:3128',
    http_proxy: 'plain:8080',
    NO_PROXY: 'inside.example, .lan *.home 10.0.0.0/8,[::1] 192.168.1.5:8003,fd00::/8',
  };
  it.each([
    ['https://api.example/', 'secure:3128'],
    ['wss://api.example/', 'secure:3128'],
    ['http://api.example/', 'plain:8080'],
    ['ws://api.example/', 'plain:8080'],
    ['https://inside.example/', undefined],
    ['https://deep.inside.example/', undefined],
    ['https://notinside.example/', 'secure:3128'],
    ['http://nas.lan/', undefined],
    ['http://lan/', undefined],
    ['http://tv.HOME/', undefined],
    ['http://10.1.2.3/', undefined],
    ['http://11.1.2.3/', 'plain:8080'],
    ['http://[::1]:9/', undefined],
    ['http://[fd00::5]/', undefined],
    ['http://192.168.1.5:8003/', undefined],
    ['http://192.168.1.5/', 'plain:8080'],
    ['no url', undefined],
  ])('%s: %s', (url, proxy) => {
    expect(proxyFor(url, env)?.host).toBe(proxy);
  });

  it('may be all the same, none at all, or one that cannot be used', async () => {
    expect(proxyFor('https://a/', { all_proxy: 'http://all:1' })?.host).toBe('all:1');
    expect(proxyFor('https://a/', { all_proxy: 'http://all:1', no_proxy: '*' })).toBeUndefined();
    expect(proxyFor('https://a/', {})).toBeUndefined();
    expect(await useProxies({ HTTPS_PROXY: 'socks5://a:1' })).toEqual([
      expect.stringContaining('HTTPS_PROXY is not used'),
    ]);
    expect(proxyFor('https://a/')).toBeUndefined();
    expect(await useProxies({ HTTPS_PROXY: 'http://user:hush@proxy:1' })).toEqual([]);
    expect(viaProxy('https://a/')).toBe(' (through the proxy proxy:1)');
    exemptFromProxies('https://embedded:8443/ota/');
    expect(proxyAgent('https://embedded:8443/other/')).toBeUndefined();
  });
});

describe('a server behind a proxy is reached by CONNECT', () => {
  const request = { headers: {}, body: '{}', limitMs: 5_000, maxBodyBytes: 1_000, clock: monotonicClock };
  const signal = new AbortController().signal;

  it('for the OTA check, with credentials, and the failure names the proxy', async () => {
    const proxy = await startProxy({ 'ota.test:80': await serveHttp() }, 'user:hush');
    await useProxies({ HTTP_PROXY: proxy.url.replace('//', '//user:hush@') });
    expect(await httpPost({ ...request, url: 'http://ota.test/ota/', signal })).toMatchObject({
      status: 200,
      body: '{"path":"/ota/"}',
    });
    await useProxies({ HTTP_PROXY: proxy.url });
    expect(await httpPost({ ...request, url: 'http://ota.test/ota/', signal })).toMatchObject({
      status: 407,
    });
  });

  it('with TLS inside, checked as without a proxy', async () => {
    const certificates = makeCertificates();
    closers.push(() => certificates.remove());
    const server = await startScriptedServer({ tls: certificates.here });
    closers.push(() => server.stop());
    const proxy = await startProxy({ 'localhost:443': server.port, 'other.test:443': server.port });
    await useProxies({ HTTPS_PROXY: proxy.url });
    const clock = new FakeClock();
    const open = (url: string) => {
      const transport = webSocketTransport(url, clock, { ca: [certificates.here.cert] });
      closers.push(() => transport.close());
      return openRecorded(transport);
    };
    const record = open('wss://localhost/v1/');
    await until(() => server.peers[0]?.texts.length === 1);
    server.peers[0]?.send(helloOf());
    await until(() => record.sessions.length === 1);
    const wrong = open('wss://other.test/v1/');
    await until(() => wrong.ends.length > 0);
    expect(wrong.ends[0]?.error?.code).toBe('TRANSPORT_TLS');
    expect(wrong.ends[0]?.description).toContain('belongs to another name');
    expect(proxy.asked).toEqual(['localhost:443', 'other.test:443']);
  });

  it('for a WebSocket without TLS, and what the proxy says is told', async () => {
    const server = await startScriptedServer({ onPeer: (peer) => peer.send(helloOf()) });
    closers.push(() => server.stop());
    const proxy = await startProxy({ 'chat.test:8000': server.port }, 'user:hush');
    const open = () => {
      const transport = webSocketTransport('ws://chat.test:8000/v1/', new FakeClock());
      closers.push(() => transport.close());
      return openRecorded(transport);
    };
    await useProxies({ http_proxy: proxy.url.replace('//', '//user:hush@') });
    const record = open();
    await until(() => record.sessions.length === 1);
    await useProxies({ http_proxy: proxy.url });
    const refused = open();
    await until(() => refused.ends.length > 0);
    expect(refused.ends[0]?.description).toContain('wants user name and password (HTTP 407)');
    await useProxies({ http_proxy: 'http://127.0.0.1:1' });
    const away = open();
    await until(() => away.ends.length > 0);
    expect(away.ends[0]?.description).toContain(
      'Cannot connect to chat.test:8000 (through the proxy 127.0.0.1:1): nothing is listening there',
    );
  });

  it('for HTTP tools and mounted servers, past it where NO_PROXY says so', async () => {
    const port = await serveHttp();
    const proxy = await startProxy({ 'tool.test:80': port });
    await useProxies({ HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' });
    const client = createHttpClient({ unreachable: (thrown: unknown) => thrown } as never);
    closers.push(() => client.close());
    const mounted = createNodeFetch(10_000);
    closers.push(() => mounted.close());
    for (const url of ['http://tool.test/a', `http://127.0.0.1:${port}/a`]) {
      const reply = await client.send({ url: new URL(url), method: 'GET', headers: {} }, signal);
      expect(reply.body.toString()).toBe('{"path":"/a"}');
      expect(await (await mounted.fetch(url)).json()).toEqual({ path: '/a' });
    }
    expect(proxy.asked).toEqual(['tool.test:80', 'tool.test:80']);
  });

  it('for access points', async () => {
    const server = await startScriptedServer();
    closers.push(() => server.stop());
    const proxy = await startProxy({ 'point.test:80': server.port });
    await useProxies({ HTTP_PROXY: proxy.url });
    let open = false;
    const socket = dial({ url: 'ws://point.test/mcp/' }, monotonicClock, {
      onOpen: () => {
        open = true;
      },
      onText: () => {},
      onBinary: () => {},
      onEnd: () => {},
    });
    await until(() => open);
    socket.hangUp();
  });

  it('but not for MQTT, which says so when it finds no way', async () => {
    await useProxies({ HTTPS_PROXY: 'http://proxy.test:3128' });
    const endpoint = {
      endpoint: '127.0.0.1:1',
      clientId: 'x',
      username: '',
      password: '',
      publishTopic: 'device-server',
    };
    const transport = mqttHub({ endpointOf: () => endpoint } as never, new FakeClock()).create();
    closers.push(() => transport.close());
    const record = openRecorded(transport);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.description).toContain(
      'MQTT does not go through the proxy proxy.test:3128; --transport websocket does.',
    );
  });
});

it('each address of a name has 2.5 s to answer', () => {
  giveAddressesTime();
  expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBe(2_500);
});
