import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ControlLink } from '../../../src/ports/control-link.ts';
import type { ChannelEnd } from '../../../src/ports/session-transport.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type PushingBroker, startPushingBroker } from '../../support/message-broker.ts';
import { until } from '../../support/scripted-server.ts';
import { mqttHub } from './mqtt-bench.ts';

let directory: string;
let broker: PushingBroker;
let server: Server;
let link: ControlLink;
const sockets = new Set<Socket>();
const read = (name: string) => readFileSync(join(directory, name), 'utf8');

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mqtt-tls-'));
  const at = (name: string) => join(directory, name);
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=here', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', at('key'), '-out', at('pem')], {
    stdio: 'pipe',
  });
});
afterAll(() => rmSync(directory, { recursive: true }));

beforeEach(async () => {
  broker = await startPushingBroker();
  server = createServer({ key: read('key'), cert: read('pem') }, (socket) => {
    const inner = connect(broker.port, '127.0.0.1');
    for (const each of [socket, inner]) {
      sockets.add(each);
      each.on('error', () => {});
    }
    socket.pipe(inner).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await link.close();
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await broker.stop();
});

function open(ca?: readonly string[]) {
  const { port } = server.address() as { port: number };
  const endpoint = { ...broker.endpointOf('device-1'), endpoint: `mqtts://127.0.0.1:${port}` };
  const ends: ChannelEnd[] = [];
  const clock = new FakeClock();
  link = mqttHub(broker, clock, { endpoint, ca }).createLink();
  link.open({ onUp: () => {}, onMessage: () => {}, onProblem: () => {}, onEnd: (end) => ends.push(end) });
  return ends;
}

it('a broker with a certificate of its own is refused, with what to do about it', async () => {
  const ends = open();
  await until(() => ends.length > 0);
  expect(ends).toMatchObject([{ normal: false, error: { code: 'TRANSPORT_TLS', retryable: false } }]);
  expect(ends[0]?.description).toContain('server.caFile');
});

it('a broker whose authority is known is trusted', async () => {
  const ends = open([read('pem')]);
  await until(() => broker.clientIds.length === 1);
  expect(ends).toEqual([]);
});
