import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { printableText } from '../../core/printable-text.ts';
import { type HttpAnswer, HttpLimitError } from './http-post.ts';

/** A URL as it may be shown: without credentials, query and fragment. */
export function showUrl(text: string): string {
  if (!URL.canParse(text)) return printableText(text.split(/[?#]/)[0] ?? '', 200);
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}

/** A request that got no usable HTTP answer, in words that say what to do. */
export function requestFailure(url: string, cause: unknown): ClientError {
  const { hostname, host } = new URL(url);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (cause instanceof HttpLimitError && cause.kind === 'size')
    return badAnswer(`${showUrl(url)} sent far more than an OTA answer holds. Check server.url.`, cause);
  if (cause instanceof HttpLimitError)
    return unreachable(`${host} did not answer in time. Check the network, and that the server runs.`, cause);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return unreachable(
      `The name ${hostname} could not be looked up. Check the network connection and the spelling of server.url.`,
      cause,
    );
  if (code === 'ECONNREFUSED')
    return unreachable(
      `Nothing listens at ${host}. Check that the server runs, and the port in server.url.`,
      cause,
    );
  if (code.startsWith('HPE_'))
    return badAnswer(`${host} does not speak HTTP. Check the port in server.url.`, cause);
  return (
    tlsFailure(host, code, cause) ??
    unreachable(
      `${host} could not be reached (${printableText(messageOf(cause), 200) || code}). Check the network, and that the server runs.`,
      cause,
    )
  );
}

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

function tlsFailure(host: string, code: string, cause: unknown): ClientError | undefined {
  if (UNKNOWN_AUTHORITY.has(code))
    return tls(
      `The certificate of ${host} is signed by nobody this computer knows. If the server is yours, set server.caFile to the PEM file of the authority that signed it (or of the certificate itself).`,
      cause,
    );
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return tls(
      `The certificate of ${host} belongs to another name. Write the name that is in the certificate into server.url.`,
      cause,
    );
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return tls(
      `The certificate of ${host} is not valid today. Check the date of this computer; if it is right, the server needs a new certificate.`,
      cause,
    );
  if (code === 'EPROTO' || code.startsWith('ERR_SSL'))
    return tls(
      `${host} does not speak TLS. Write http:// in place of https:// in server.url, or check the port.`,
      cause,
    );
  return undefined;
}

/** Any status but 200 (firmware A13). */
export function statusFailure(url: string, { status, location }: HttpAnswer): ClientError {
  const shown = showUrl(url);
  if (status >= 300 && status < 400) return redirected(url, status, location);
  if (status === 404)
    return refused(
      `There is no OTA service at ${shown} (status 404). Most end in /xiaozhi/ota/, with the last slash.`,
    );
  if (status === 401 || status === 403)
    return refused(`${shown} refused this device (status ${status}). Ask its operator to admit it.`);
  const retryable = status >= 500 || status === 408 || status === 429;
  return refused(
    `${shown} answered with status ${status}. ${retryable ? 'The server has trouble; try again later.' : 'Check server.url.'}`,
    retryable,
  );
}

function redirected(url: string, status: number, location = ''): ClientError {
  const target = URL.canParse(location, url) ? showUrl(new URL(location, url).href) : undefined;
  return refused(
    `${showUrl(url)} sends us on${target ? ` to ${target}` : ''} (status ${status}), which devices do not follow. ${target ? `Set server.url to ${target} if you trust it.` : 'Check server.url.'}`,
  );
}

function unreachable(message: string, cause: unknown): ClientError {
  return new ClientError(ErrorCode.provisioningUnreachable, message, { retryable: true, cause });
}

function tls(message: string, cause: unknown): ClientError {
  return new ClientError(ErrorCode.provisioningUnreachable, message, { cause });
}

function badAnswer(message: string, cause: unknown): ClientError {
  return new ClientError(ErrorCode.provisioningBadAnswer, message, { retryable: true, cause });
}

function refused(message: string, retryable = false): ClientError {
  return new ClientError(ErrorCode.provisioningRefused, message, { retryable });
}
