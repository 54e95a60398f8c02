import { certificateFault, certificateWords, speaksNoTls } from '../../core/certificate-errors.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { isLoginPage, redirectTarget } from '../../core/login-page.ts';
import { printableText } from '../../core/printable-text.ts';
import { wordsOfText } from '../../protocol/server-words.ts';
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
    tlsFailure(host, cause) ??
    unreachable(
      `${host} could not be reached (${printableText(messageOf(cause), 200) || code}). Check the network, and that the server runs.`,
      cause,
    )
  );
}

function tlsFailure(host: string, cause: unknown): ClientError | undefined {
  const fault = certificateFault(cause);
  if (fault === 'unknown-authority')
    return tls(
      `The certificate of ${host} is signed by nobody this computer knows. If the server is yours, set server.caFile to the PEM file of the authority that signed it (or of the certificate itself).`,
      cause,
    );
  if (fault === 'not-yet-valid') return unreachable(certificateWords(fault, host, 'server.url'), cause);
  if (fault !== undefined) return tls(certificateWords(fault, host, 'server.url'), cause);
  if (speaksNoTls(cause))
    return tls(
      `${host} does not speak TLS. Write http:// in place of https:// in server.url, or check the port.`,
      cause,
    );
  return undefined;
}

/** A network answered in place of the server; undefined when it was the server, whatever it said. */
export function loginPageFailure(url: string, answer: HttpAnswer): ClientError | undefined {
  if (!isLoginPage(answer, url)) return undefined;
  const found = redirectTarget(answer, url);
  const target = found && showUrl(found.href);
  return unreachable(
    `Something answers in place of ${showUrl(url)}${target ? ` and sends us on to ${target}` : ''} (status ${answer.status}): most likely this network asks you to log in. Open any web page on this network and do so; if there is none, ${target ? `and you trust that address, set server.url to ${target}` : 'check server.url'}.`,
    undefined,
  );
}

/** Any status but 200 (firmware A13). */
export function statusFailure(url: string, answer: HttpAnswer): ClientError {
  const { status } = answer;
  const shown = showUrl(url);
  if (status >= 300 && status < 400) return redirected(url, answer);
  const said = wordsOfText(answer.body);
  const words = said === '' ? '' : ` It said: “${said}”.`;
  if (status === 404)
    return refused(
      `There is no OTA service at ${shown} (status 404).${words} Most end in /xiaozhi/ota/, with the last slash.`,
    );
  if (status === 401 || status === 403)
    return refused(`${shown} refused this device (status ${status}).${words} Ask its operator to admit it.`);
  const retryable = status >= 500 || status === 408 || status === 429;
  return refused(
    `${shown} answered with status ${status}.${words} ${retryable ? 'The server has trouble; try again later.' : 'Check server.url.'}`,
    retryable,
  );
}

function redirected(url: string, answer: HttpAnswer): ClientError {
  const found = redirectTarget(answer, url);
  const target = found && showUrl(found.href);
  return refused(
    `${showUrl(url)} sends us on${target ? ` to ${target}` : ''} (status ${answer.status}), which devices do not follow. ${target ? `Set server.url to ${target} if you trust it.` : 'Check server.url.'}`,
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
