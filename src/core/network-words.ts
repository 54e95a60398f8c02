const unknownAuthority = 'its certificate is signed by nobody we trust';
const noTls = 'it does not speak TLS; try http:// instead of https://';

const words: ReadonlyMap<unknown, string> = new Map([
  ['ECONNREFUSED', 'nothing is listening there'],
  ['ECONNRESET', 'it closed the connection'],
  ['EPIPE', 'it closed the connection'],
  ['ENOTFOUND', 'the name of the host is not known'],
  ['EAI_AGAIN', 'the name of the host could not be looked up'],
  ['ETIMEDOUT', 'it did not answer'],
  ['ENETUNREACH', 'there is no network'],
  ['EHOSTUNREACH', 'there is no way to this host'],
  ['ENOENT', 'there is no such socket'],
  ['ENOTSOCK', 'the path is not a socket'],
  ['EACCES', 'access is not allowed'],
  ['HPE_INVALID_CONSTANT', 'it does not speak HTTP'],
  ['EPROTO', noTls],
  ['ERR_SSL_WRONG_VERSION_NUMBER', noTls],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host name'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', unknownAuthority],
  ['SELF_SIGNED_CERT_IN_CHAIN', unknownAuthority],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT', unknownAuthority],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', unknownAuthority],
]);

/**
 * Why a connection failed, as the second half of a sentence; undefined when Node's code is none of those that people meet.
 * `advice`: what to do about it, by these words.
 */
export function networkWords(
  thrown: unknown,
  advice: Readonly<Record<string, string>> = {},
): string | undefined {
  const said = words.get((thrown as { readonly code?: unknown } | undefined)?.code);
  const todo = said === undefined ? undefined : advice[said];
  return todo === undefined ? said : `${said}; ${todo}`;
}
