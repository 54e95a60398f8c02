import { afterAll, beforeAll, describe, expect, it, type OnTestFinishedHandler } from 'vitest';
import type { McpServerTarget } from '../../../src/ports/mcp-client.ts';
import { type Certificates, makeCertificates } from '../../support/certificates.ts';
import { startChaosHttp } from '../../support/chaos-mcp-http.ts';
import { connect, namesOf } from '../../support/mcp-connections.ts';

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});
afterAll(() => certificates.remove());

type Finished = (handler: OnTestFinishedHandler) => void;

async function serverOf(whose: 'here' | 'elsewhere', onTestFinished: Finished) {
  const server = await startChaosHttp(() => false, certificates[whose]);
  onTestFinished(() => server.stop());
  return server;
}

const at = (url: string, caFile?: string): McpServerTarget => ({
  type: 'http',
  url,
  headers: {},
  transport: 'auto',
  ...(caFile !== undefined && { caFile }),
});

const words = (connection: Promise<unknown>): Promise<string> =>
  connection.then(
    () => 'connected',
    ({ message }: Error) => message,
  );

describe('an https:// server with a certificate of its own', () => {
  it('is refused, with what to do about it', async ({ onTestFinished }) => {
    const { url, exchanges } = await serverOf('here', onTestFinished);
    expect(await words(connect(at(url)))).toBe(
      'The MCP server cannot be reached: its certificate is signed by nobody we trust; if it is yours, set caFile beside its url to the PEM file of its authority.',
    );
    expect(exchanges).toEqual([]);
  });

  it('is trusted when caFile names it', async ({ onTestFinished }) => {
    const { url } = await serverOf('here', onTestFinished);
    const connection = await connect(at(url, certificates.here.file));
    onTestFinished(() => connection.close());
    expect(await namesOf(connection)).toEqual(['echo']);
    expect(await connection.text('echo', { text: 'safe' })).toBe('safe');
  });

  it('is refused under another name, caFile or not', async ({ onTestFinished }) => {
    const { url, exchanges } = await serverOf('elsewhere', onTestFinished);
    expect(await words(connect(at(url, certificates.elsewhere.file)))).toBe(
      'The MCP server cannot be reached: its certificate is for another host name.',
    );
    expect(exchanges).toEqual([]);
  });

  it('is not asked at all when caFile cannot be used', async ({ onTestFinished }) => {
    const { url, exchanges } = await serverOf('here', onTestFinished);
    for (const file of ['/no/ca.pem', certificates.rubbish])
      expect(await words(connect(at(url, file)))).toMatch(
        /^The certificate file of caFile cannot be read \(.*\)\. Check the path .*\.pem\.$/,
      );
    expect(exchanges).toEqual([]);
  });
});
