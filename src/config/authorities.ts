import { readFileSync, statSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { ClientError, ErrorCode, messageOf } from '../core/errors.ts';

/**
 * The usual authorities and the user's own, whose file the setting `key` names: `ca` replaces Node's list, it does not add to
 * it. Read at once, without waiting: whoever dials again must not be overtaken.
 * @throws ClientError CONFIG_UNREADABLE
 */
export function readAuthorities(caFile: string, key = 'caFile'): readonly string[] {
  try {
    if (!statSync(caFile).isFile()) throw new Error('it is no regular file');
    const text = readFileSync(caFile, 'utf8');
    if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new Error('it holds no PEM certificate');
    return [...usualAuthorities(), text];
  } catch (thrown) {
    throw new ClientError(
      ErrorCode.configUnreadable,
      `The certificate file of ${key} cannot be read (${messageOf(thrown)}). Check the path ${caFile}.`,
      { cause: thrown },
    );
  }
}

/** What Node trusts by itself; where NODE_EXTRA_CA_CERTS cannot be read, Node has said so at the start. */
function usualAuthorities(): readonly string[] {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (!file) return rootCertificates;
  try {
    return [...rootCertificates, readFileSync(file, 'utf8')];
  } catch {
    return rootCertificates;
  }
}
