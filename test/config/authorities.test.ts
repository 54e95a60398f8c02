import { rootCertificates } from 'node:tls';
import { afterAll, expect, it, vi } from 'vitest';
import { readAuthorities } from '../../src/config/authorities.ts';
import { makeCertificates } from '../support/certificates.ts';

const certificates = makeCertificates();
const { here, elsewhere, rubbish } = certificates;
afterAll(() => certificates.remove());

it("the user's own authority is trusted beside those that Node trusts", ({ onTestFinished }) => {
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv('NODE_EXTRA_CA_CERTS', undefined);
  expect(readAuthorities(here.file)).toEqual([...rootCertificates, here.cert]);
  vi.stubEnv('NODE_EXTRA_CA_CERTS', elsewhere.file);
  expect(readAuthorities(here.file)).toEqual([...rootCertificates, elsewhere.cert, here.cert]);
  vi.stubEnv('NODE_EXTRA_CA_CERTS', `${elsewhere.file}.gone`);
  expect(readAuthorities(here.file)).toEqual([...rootCertificates, here.cert]);
});

it.each([rubbish, `${here.file}.gone`])(
  'a file that is none is told by the name of its setting: %s',
  (file) => {
    expect(() => readAuthorities(file, 'server.caFile')).toThrow(
      expect.objectContaining({
        code: 'CONFIG_UNREADABLE',
        message: expect.stringMatching(
          /^The certificate file of server\.caFile cannot be read \(.*Check the path .*\.$/,
        ),
      }),
    );
  },
);
