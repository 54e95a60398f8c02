import { type WordCode, type Words, words } from './words.ts';

/** Those of the catalogue that say so. */
export type NetworkCode = Extract<
  WordCode,
  | 'nothingListens'
  | 'closedConnection'
  | 'hostUnknown'
  | 'hostNotLookedUp'
  | 'noAnswer'
  | 'noNetwork'
  | 'noRoute'
  | 'noSocket'
  | 'notSocket'
  | 'noAccess'
  | 'notHttp'
  | 'noTls'
  | 'certificateOfOther'
  | 'certificateExpired'
  | 'certificateUnknown'
>;

const codes: ReadonlyMap<unknown, NetworkCode> = new Map<unknown, NetworkCode>([
  ['ECONNREFUSED', 'nothingListens'],
  ['ECONNRESET', 'closedConnection'],
  ['EPIPE', 'closedConnection'],
  ['ENOTFOUND', 'hostUnknown'],
  ['EAI_AGAIN', 'hostNotLookedUp'],
  ['ETIMEDOUT', 'noAnswer'],
  ['ENETUNREACH', 'noNetwork'],
  ['EHOSTUNREACH', 'noRoute'],
  ['ENOENT', 'noSocket'],
  ['ENOTSOCK', 'notSocket'],
  ['EACCES', 'noAccess'],
  ['HPE_INVALID_CONSTANT', 'notHttp'],
  ['EPROTO', 'noTls'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'noTls'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificateOfOther'],
  ['CERT_HAS_EXPIRED', 'certificateExpired'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificateUnknown'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificateUnknown'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificateUnknown'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'certificateUnknown'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificateUnknown'],
]);

/**
 * Why a connection failed, as the second half of a sentence; undefined when Node's code is none of those that people meet.
 * `advice`: what to do about it.
 */
export function networkWords(
  thrown: unknown,
  advice: Partial<Readonly<Record<NetworkCode, Words>>> = {},
): Words | undefined {
  const code = codes.get((thrown as { readonly code?: unknown } | undefined)?.code);
  if (code === undefined) return undefined;
  const what = words(code);
  const todo = advice[code];
  return todo ? words('advised', { what, todo }) : what;
}
