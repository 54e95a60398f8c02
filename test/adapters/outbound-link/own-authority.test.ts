import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../../support/certificates.ts';
import { accessPointBench } from '../../support/outbound.ts';
import { startScriptedServer, until } from '../../support/scripted-server.ts';

let certificates: Certificates;
const cleanups: (() => Promise<unknown>)[] = [];
beforeAll(() => {
  certificates = makeCertificates();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => certificates.remove());

async function linkTo(whose: 'here' | 'elsewhere', caFile?: string) {
  const server = await startScriptedServer({ tls: certificates[whose] });
  const url = `${server.url}?token=hush-hush`;
  const bench = await accessPointBench(url, [], { caFile });
  cleanups.push(
    () => server.stop(),
    () => bench.point.stop(),
  );
  bench.point.start();
  return { ...bench, server, shown: `${server.url}?…` };
}

describe('a wss:// access point with a certificate of its own', () => {
  it('is refused, and told once with what to do about it', async () => {
    const { reach, problems, server, clock, shown, lines, point } = await linkTo('here');
    await reach('waiting');
    const problem = `problem The certificate of the access point at ${shown} cannot be trusted (self-signed certificate). If this is your own server, put its CA certificate into a file and set caFile beside the url to it.`;
    expect([problems(), server.peers]).toEqual([[problem], []]);
    const { lastClose } = point.status();
    const attempts = () => lines.filter((line) => line.includes('"state":"connecting"')).length;
    clock.advance(2000);
    await until(() => attempts() === 2);
    await reach('waiting');
    expect([problems(), lastClose]).toEqual([[problem], { code: 1006, reason: 'self-signed certificate' }]);
  });

  it('is trusted when caFile names it', async () => {
    const { reach, problems, server } = await linkTo('here', certificates.here.file);
    await reach('connected');
    expect([problems(), server.peers.length]).toEqual([[], 1]);
  });

  it('is refused under another name, caFile or not', async () => {
    const { reach, problems, server } = await linkTo('elsewhere', certificates.elsewhere.file);
    await reach('waiting');
    expect(problems()).toEqual([expect.stringContaining("does not match certificate's altnames")]);
    expect(server.peers).toEqual([]);
  });

  it('is not dialled at all when caFile cannot be used', async () => {
    for (const file of ['/no/ca.pem', certificates.rubbish]) {
      const { reach, problems, server } = await linkTo('here', file);
      await reach('waiting');
      expect(problems()).toEqual([
        expect.stringMatching(
          /^problem The certificate file of caFile cannot be read \(.*\)\. Check the path /,
        ),
      ]);
      expect([problems()[0]?.includes(file), server.peers]).toEqual([true, []]);
    }
  });
});
