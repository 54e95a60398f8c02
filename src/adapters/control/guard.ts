import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** Of a request. */
export const maxBodyBytes = 1024 * 1024;

/** How somebody got to us: through the socket, which only its owner can open, or over TCP, where everybody may try. */
export type Entrance =
  | { readonly kind: 'socket' }
  | {
      readonly kind: 'tcp';
      readonly token: string;
      /** Names that stand for us besides `localhost` and addresses. */
      readonly allowedHosts: readonly string[];
    };

/** Why a request is not let in. */
export interface Refusal {
  readonly status: 401 | 403 | 413 | 415;
  readonly code:
    | 'UNAUTHORIZED'
    | 'FORBIDDEN_HOST'
    | 'FORBIDDEN_ORIGIN'
    | 'TOO_LARGE'
    | 'UNSUPPORTED_MEDIA_TYPE';
  readonly message: string;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Looks at the head of a request, before anything of it is read. Web pages of strangers run in browsers on this machine:
 * they can send requests to loopback, under a name of their own (DNS rebinding), without asking first when the body has no
 * JSON type. None of that gets past here, token or not.
 */
export function refusalOf({ method, path, headers }: Asked, entrance: Entrance): Refusal | undefined {
  if (entrance.kind === 'tcp') {
    if (!isOurName(headers.host, entrance.allowedHosts)) return forbiddenHost;
    if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) return forbiddenOrigin;
    if (path !== '/v1/health' && !hasToken(headers.authorization, entrance.token)) return unauthorized;
  }
  return method === 'GET' ? undefined : bodyRefusalOf(headers);
}

/** Bodies that do not say how long they are, are counted while they are read. */
function bodyRefusalOf(headers: IncomingHttpHeaders): Refusal | undefined {
  const isChunked = headers['transfer-encoding'] !== undefined;
  const bytes = Number(headers['content-length'] ?? 0);
  if (bytes > maxBodyBytes) return tooLarge;
  return (isChunked || bytes > 0) && !isJson(headers['content-type']) ? unsupportedType : undefined;
}

/** An address cannot be made to point elsewhere; a name can, so only those we know are ours. */
function isOurName(host: string | undefined, allowedHosts: readonly string[]): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.toLowerCase();
  const address = name.replace(/^\[|\]$/g, '');
  return (
    isIP(address) !== 0 || name === 'localhost' || allowedHosts.some((ours) => ours.toLowerCase() === name)
  );
}

function hasToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(given), digest(token));
}

/** Of one length, whatever was given: comparing takes the same time for all. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const isJson = (type: string | undefined): boolean => /^application\/json\s*(;|$)/i.test(type ?? '');

const unauthorized: Refusal = {
  status: 401,
  code: 'UNAUTHORIZED',
  message: 'Send the token of control.tcp.token as "Authorization: Bearer TOKEN".',
};
const forbiddenHost: Refusal = {
  status: 403,
  code: 'FORBIDDEN_HOST',
  message:
    'This device does not answer to that name. Use its address, or add the name to control.tcp.allowedHosts.',
};
const forbiddenOrigin: Refusal = {
  status: 403,
  code: 'FORBIDDEN_ORIGIN',
  message: 'Web pages may not use this API.',
};
export const tooLarge: Refusal = {
  status: 413,
  code: 'TOO_LARGE',
  message: `A body has at most ${maxBodyBytes} bytes.`,
};
const unsupportedType: Refusal = {
  status: 415,
  code: 'UNSUPPORTED_MEDIA_TYPE',
  message: 'Send the body as JSON, with "Content-Type: application/json".',
};
