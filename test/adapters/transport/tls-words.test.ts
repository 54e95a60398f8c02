import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MqttEndpoint } from '../../../src/ports/provisioning.ts';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { type Certificate, type Certificates, makeCertificates } from '../../support/certificates.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startScriptedServer, until } from '../../support/scripted-server.ts';
import { mqttHub } from './mqtt-bench.ts';
import { webSocketTransport } from './websocket-bench.ts';

const closers: (() => unknown)[] = [];
let certificates: Certificates;
let directory: string;
beforeAll(() => {
  certificates = makeCertificates();
  directory = mkdtempSync(join(tmpdir(), 'dated-'));
});
afterAll(() => {
  certificates.remove();
  rmSync(directory, { recursive: true });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A certificate for this machine that is valid between two dates (`YYYYMMDD`), which only `openssl ca` can make. */
function dated(from: string, to: string): Pick<Certificate, 'key' | 'cert'> {
  const file = (name: string) => join(directory, `${from}-${name}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: directory });
  writeFileSync(file('index'), '');
  writeFileSync(file('serial'), '01');
  writeFileSync(
    file('config'),
    [
      '[ca]',
      'default_ca = own',
      '[own]',
      `database = ${file('index')}`,
      `serial = ${file('serial')}`,
      `new_certs_dir = ${directory}`,
      'default_md = sha256',
      'policy = any',
      'unique_subject = no',
      'x509_extensions = names',
      '[any]',
      'commonName = supplied',
      '[names]',
      'subjectAltName = IP:127.0.0.1',
    ].join('\n'),
  );
  openssl(
    'req',
    '-new',
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=dated'],
    ...['-keyout', file('key'), '-out', file('request')],
  );
  openssl(
    'ca',
    ...['-batch', '-selfsign', '-config', file('config'), '-keyfile', file('key'), '-in', file('request')],
    ...['-startdate', `${from}000000Z`, '-enddate', `${to}000000Z`, '-out', file('cert')],
  );
  return { key: readFileSync(file('key'), 'utf8'), cert: readFileSync(file('cert'), 'utf8') };
}

async function endOf(url: string, ca?: string) {
  const transport = webSocketTransport(url, new FakeClock(), ca === undefined ? {} : { ca: [ca] });
  closers.push(() => transport.close());
  const record = openRecorded(transport);
  await until(() => record.ends.length > 0);
  return {
    code: record.ends[0]?.error?.code,
    retryable: record.ends[0]?.error?.retryable,
    words: record.ends[0]?.description,
  };
}

describe('a certificate on the chat socket is told as what it is', () => {
  it.each([
    [
      'not yet valid',
      '20900101',
      '20910101',
      true,
      'is not valid yet. Most likely the date of this computer is wrong',
    ],
    ['expired', '20200101', '20210101', false, 'has expired. Check the date of this computer'],
  ])('%s', async (_what, from, to, retryable, words) => {
    const certificate = dated(from, to);
    const server = await startScriptedServer({ tls: certificate });
    closers.push(() => server.stop());
    const end = await endOf(server.url, certificate.cert);
    expect(end).toMatchObject({ code: 'TRANSPORT_TLS', retryable });
    expect(end.words).toContain(words);
  });

  it('of another name', async () => {
    const server = await startScriptedServer({ tls: certificates.elsewhere });
    closers.push(() => server.stop());
    const end = await endOf(server.url, certificates.elsewhere.cert);
    expect(end).toMatchObject({ code: 'TRANSPORT_TLS', retryable: false });
    expect(end.words).toContain('belongs to another name. Write the name');
  });
});

/** Listens on loopback until the test is over. */
async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe('TLS and a port that is for something else are told', () => {
  it('wss on a plain port', async () => {
    const server = await startScriptedServer();
    closers.push(() => server.stop());
    const end = await endOf(`wss://127.0.0.1:${server.port}/`);
    expect(end.code).toBe('TRANSPORT_TLS');
    expect(end.words).toContain('it does not speak TLS. Write ws:// in place of wss://');
  });

  it('wss on a port that answers in plain words of its own', async () => {
    const port = await listening(createServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n')));
    expect((await endOf(`wss://127.0.0.1:${port}/`)).words).toContain('does not speak TLS');
  });

  it('ws on a TLS port that hangs up', async () => {
    const port = await listening(createHttpsServer(certificates.here));
    expect((await endOf(`ws://127.0.0.1:${port}/`)).words).toContain('write wss:// in place of ws://');
  });

  it('ws on a TLS port that answers with an alert', async () => {
    const alert = Uint8Array.of(0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46);
    const port = await listening(createServer((socket) => void socket.once('data', () => socket.end(alert))));
    const { words } = await endOf(`ws://127.0.0.1:${port}/`);
    expect(words).toContain('it speaks TLS');
    expect(words).toContain('write wss:// in place of ws://');
  });

  it.each([
    [
      'MQTT with TLS on a plain port',
      'mqtts',
      () => createServer((socket) => void socket.write('not TLS at all\r\n')),
    ],
    ['MQTT without TLS on a TLS port', 'mqtt', () => createTlsServer(certificates.here)],
  ])('%s', async (_what, scheme, start) => {
    const port = await listening(start());
    const endpoint: MqttEndpoint = {
      endpoint: `${scheme}://127.0.0.1:${port}`,
      clientId: 'x',
      username: '',
      password: '',
      publishTopic: 'device-server',
    };
    const transport = mqttHub({ endpointOf: () => endpoint } as never, new FakeClock()).create();
    closers.push(() => transport.close());
    const record = openRecorded(transport);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.description).toMatch(
      scheme === 'mqtts'
        ? /does not speak TLS.*8883 is for TLS/u
        : /closed the connection.*whether it is for TLS/u,
    );
  });
});
