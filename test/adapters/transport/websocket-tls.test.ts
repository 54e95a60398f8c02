import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../src/core/errors.ts';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type ScriptedServer, startScriptedServer, until } from '../../support/scripted-server.ts';
import { helloOf, webSocketTransport } from './websocket-bench.ts';

describe('a wss:// server with a certificate of its own', () => {
  let directory: string;
  let server: ScriptedServer;
  const file = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const read = (name: string) => readFileSync(file(name), 'utf8');

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tls-'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    for (const [name, address] of [
      ['here', 'IP:127.0.0.1'],
      ['elsewhere', 'DNS:elsewhere.example'],
    ] as const) {
      openssl(
        'req',
        '-x509',
        ...key,
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        '-addext',
        `subjectAltName=${address}`,
        '-keyout',
        file(`${name}.key`),
        '-out',
        file(`${name}.pem`),
      );
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const serveAs = async (name: string) => {
    server = await startScriptedServer({
      tls: { key: read(`${name}.key`), cert: read(`${name}.pem`) },
      onPeer: (peer) => peer.send(helloOf()),
    });
  };
  beforeEach(() => serveAs('here'));
  afterEach(() => server.stop());

  const open = (ca?: readonly string[]) => {
    const transport = webSocketTransport(server.url, new FakeClock(), { ca });
    return { transport, record: openRecorded(transport) };
  };

  it('is refused, with what to do about it', async () => {
    const { record } = open();
    await until(() => record.ends.length > 0);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: ErrorCode.transportTls, retryable: false } },
    ]);
    expect(record.ends[0]?.description).toMatch(
      /^The certificate of 127\.0\.0\.1:\d+ cannot be trusted .* put its CA certificate into a file and set server\.caFile to it\.$/,
    );
    expect(server.peers).toEqual([]);
  });

  it('is trusted when its authority is named beside the usual ones', async () => {
    const { transport, record } = open([...rootCertificates, read('here.pem')]);
    await until(() => record.sessions.length === 1);
    expect(record.events).toEqual(['session']);
    await transport.close();
  });

  it('is refused when the certificate is somebody else’s', async () => {
    await server.stop();
    await serveAs('elsewhere');
    const { record } = open([read('elsewhere.pem')]);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.error?.code).toBe(ErrorCode.transportTls);
  });
});
