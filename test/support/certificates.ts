import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The certificate as a file, for those who are to trust it. */
  readonly file: string;
}

/**
 * Certificates that nobody vouches for: one for this machine (127.0.0.1, localhost), one for another host; and a file that
 * holds none.
 */
export interface Certificates {
  readonly here: Certificate;
  readonly elsewhere: Certificate;
  readonly rubbish: string;
  remove(): void;
}

export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'));
  const make = (name: string, address: string): Certificate => {
    const [keyFile, file] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const whose = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${address}`];
    execFileSync('openssl', ['req', '-x509', ...kind, ...whose, '-keyout', keyFile, '-out', file], {
      stdio: 'pipe',
    });
    return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(file, 'utf8'), file };
  };
  const rubbish = join(directory, 'rubbish.pem');
  writeFileSync(rubbish, 'no certificate');
  return {
    here: make('here', 'IP:127.0.0.1,DNS:localhost'),
    elsewhere: make('elsewhere', 'DNS:elsewhere.example'),
    rubbish,
    remove: () => rmSync(directory, { recursive: true }),
  };
}
