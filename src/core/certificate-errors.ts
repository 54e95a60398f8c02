/** What is wrong with the certificate at the other end. */
export type CertificateFault = 'unknown-authority' | 'wrong-name' | 'expired' | 'not-yet-valid';

const faults: ReadonlyMap<unknown, CertificateFault> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'unknown-authority'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'unknown-authority'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unknown-authority'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'unknown-authority'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unknown-authority'],
  ['CERT_HAS_EXPIRED', 'expired'],
  ['CERT_NOT_YET_VALID', 'not-yet-valid'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'wrong-name'],
]);

const codeOf = (thrown: unknown): unknown => (thrown as { readonly code?: unknown } | undefined)?.code;

/** Why TLS was refused because of the certificate at the other end, as Node reports it; undefined for other failures. */
export function certificateFault(thrown: unknown): CertificateFault | undefined {
  return faults.get(codeOf(thrown));
}

/** Whether TLS was refused because of the certificate at the other end, as Node reports it. */
export function isCertificateError(thrown: unknown): boolean {
  return certificateFault(thrown) !== undefined;
}

/** What came in place of a TLS handshake was something else: the port is not for TLS. */
export function speaksNoTls(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === 'EPROTO' || (typeof code === 'string' && code.startsWith('ERR_SSL'));
}

/** The faults that mend themselves or name their cure, in the same words wherever they occur; the cure of the others differs. */
export function certificateWords(
  fault: Exclude<CertificateFault, 'unknown-authority'>,
  host: string,
  addressKey: string,
): string {
  switch (fault) {
    case 'wrong-name':
      return `The certificate of ${host} belongs to another name. Write the name that is in the certificate into ${addressKey}.`;
    case 'expired':
      return `The certificate of ${host} has expired. Check the date of this computer; if it is right, the server needs a new certificate.`;
    case 'not-yet-valid':
      return `The certificate of ${host} is not valid yet. Most likely the date of this computer is wrong; it is tried again, and works once the clock is set.`;
  }
}
