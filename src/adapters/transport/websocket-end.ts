import { certificateFault, certificateWords, speaksNoTls } from '../../core/certificate-errors.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { type HttpReply, isLoginPage, redirectTarget } from '../../core/login-page.ts';
import { printableText } from '../../core/printable-text.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import { wordsOfText } from '../../protocol/server-words.ts';

const connectWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing is listening there',
  ECONNRESET: 'it closed the connection',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'it did not answer',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to this host',
  EACCES: 'this computer does not allow connections to this address',
  EINVAL: 'the address cannot be reached without naming a network',
};

const connectAdvice: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Check the spelling in server.url, and your network.',
  EAI_AGAIN: 'Check your network.',
  ENETUNREACH: 'Check your network.',
  EHOSTUNREACH: 'Check your network, and server.url.',
};

const ifThisGoesOn = 'If this goes on, check your network and look at the log of the server.';

const failed = (error: ClientError): ChannelEnd => ({ normal: false, error, description: error.message });

const protocolWords: Readonly<Record<string, string>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'it sent a message larger than this device takes',
  WS_ERR_INVALID_UTF8: 'it sent a text that is not UTF-8',
};

/** The connection could not be made or broke: what happened, in words of the person at the device. */
export function endOfSocketError(
  thrown: unknown,
  host: string,
  opened: boolean,
  scheme?: 'ws' | 'wss',
): ChannelEnd {
  const code = (thrown as { code?: unknown } | undefined)?.code;
  const name = typeof code === 'string' ? code : '';
  const fault = certificateFault(thrown);
  if (fault !== undefined) {
    const words =
      fault === 'unknown-authority'
        ? `The certificate of ${host} cannot be trusted (${messageOf(thrown)}). If this is your own server, put its CA certificate into a file and set server.caFile to it.`
        : certificateWords(fault, host, 'server.url');
    return failed(
      new ClientError(ErrorCode.transportTls, words, { retryable: fault === 'not-yet-valid', cause: thrown }),
    );
  }
  if (opened) return endOfBrokenStream(thrown, name, host);
  if (speaksNoTls(thrown)) return endOfPlainPort(thrown, host, scheme);
  const why = noHttpWords(thrown, name) ?? connectWords[name] ?? messageOf(thrown);
  const mayWantTls = scheme === 'ws' && (name === 'ECONNRESET' || isTlsAlert(thrown));
  const advice = mayWantTls
    ? 'If this port is for TLS, write wss:// in place of ws://; else check that the server runs, and server.url.'
    : (connectAdvice[name] ?? 'Check that the server runs, and server.url.');
  return failed(
    new ClientError(ErrorCode.transportUnreachable, `Cannot connect to ${host}: ${why}. ${advice}`, {
      retryable: true,
      cause: thrown,
    }),
  );
}

function endOfPlainPort(thrown: unknown, host: string, scheme: 'ws' | 'wss' | undefined): ChannelEnd {
  const advice =
    scheme === undefined
      ? 'Check the port in server.url or what the OTA server answers; 8883 is for TLS, 1883 is not.'
      : 'Write ws:// in place of wss://, or check the port in server.url.';
  return failed(
    new ClientError(ErrorCode.transportTls, `Cannot connect to ${host}: it does not speak TLS. ${advice}`, {
      cause: thrown,
    }),
  );
}

function noHttpWords(thrown: unknown, name: string): string | undefined {
  if (!name.startsWith('HPE_')) return undefined;
  return isTlsAlert(thrown) ? 'it speaks TLS' : 'it does not speak HTTP';
}

/** What was taken for HTTP begins like an alert of TLS (RFC 8446 section 5.1). */
function isTlsAlert(thrown: unknown): boolean {
  const { rawPacket } = thrown as { readonly rawPacket?: unknown };
  return rawPacket instanceof Uint8Array && rawPacket[0] === 0x15 && rawPacket[1] === 0x03;
}

function endOfBrokenStream(thrown: unknown, name: string, host: string): ChannelEnd {
  const garbled = name.startsWith('WS_ERR_')
    ? `it does not speak WebSocket (${messageOf(thrown)})`
    : undefined;
  const why = protocolWords[name] ?? garbled ?? connectWords[name] ?? messageOf(thrown);
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The conversation with ${host} broke off: ${why}. ${ifThisGoesOn}`,
      { retryable: true, cause: thrown },
    ),
  );
}

/** The connection could not even be tried, because of what the configuration or the OTA server says. */
export function endOfBadEndpoint(thrown: unknown): ChannelEnd {
  if ((thrown as { code?: unknown } | undefined)?.code === 'ERR_INVALID_CHAR') {
    return failed(
      new ClientError(
        ErrorCode.transportRefused,
        'The token for the chat server has characters that no HTTP header may have. Check server.token or what the OTA server answers.',
      ),
    );
  }
  return failed(
    new ClientError(
      ErrorCode.transportUnreachable,
      'The address of the chat server is not a WebSocket URL. It must begin with ws:// or wss://; check server.url or what the OTA server answers.',
      { cause: thrown },
    ),
  );
}

/** The server answered the WebSocket upgrade with an HTTP status. `url`: where we asked. */
export function endOfHttpAnswer(answer: HttpReply, host: string, url: string): ChannelEnd {
  const { status } = answer;
  if (isLoginPage(answer, url)) return endOfLoginPage(answer, host, url);
  const said = wordsOfText(answer.body);
  const words = said === '' ? '' : ` It said: ${said}.`;
  if (status === 407) {
    return failed(
      new ClientError(
        ErrorCode.transportRefused,
        `The proxy on the way to ${host} wants user name and password (HTTP 407). Write them into HTTPS_PROXY or HTTP_PROXY, as in http://user:password@proxy:3128.`,
      ),
    );
  }
  if (status === 401 || status === 403) {
    return failed(
      new ClientError(
        ErrorCode.transportRefused,
        `The server ${host} refused this device (HTTP ${status}).${words} Check server.token, or bind the device to your account again.`,
      ),
    );
  }
  if (status >= 500) {
    return failed(
      new ClientError(
        ErrorCode.transportUnreachable,
        `The server ${host} is in trouble (HTTP ${status}).${words} Try again later; if it is yours, look at its log.`,
        { retryable: true },
      ),
    );
  }
  const hint =
    status >= 300 && status < 400
      ? `It wants to redirect${targetWords(answer, url)}, which devices do not follow`
      : 'There is no 小智 server at this address';
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `${hint} (${host}, HTTP ${status}).${words} ${redirectAdvice(answer, url)}`,
    ),
  );
}

function targetWords(answer: HttpReply, url: string): string {
  const target = redirectTarget(answer, url);
  return target ? ` to ${shownTarget(target)}` : '';
}

function redirectAdvice(answer: HttpReply, url: string): string {
  const target = redirectTarget(answer, url);
  return target
    ? `If you trust that address, set server.websocketUrl to it.`
    : 'Check the path in server.url.';
}

/** Servers redirect as the web does, with http(s). */
function shownTarget({ protocol, host, pathname }: URL): string {
  return printableText(`${protocol.replace(/^http/u, 'ws')}//${host}${pathname}`, 200);
}

function endOfLoginPage(answer: HttpReply, host: string, url: string): ChannelEnd {
  const target = redirectTarget(answer, url);
  const elsewhere = target ? ` and sends us to ${shownTarget(target)}` : '';
  return failed(
    new ClientError(
      ErrorCode.transportUnreachable,
      `Something answers in place of ${host}${elsewhere} (HTTP ${answer.status}): most likely this network asks you to log in. Open any web page on this network and do so; if there is none, check server.url.`,
      { retryable: true },
    ),
  );
}

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
  readonly helloSeen: boolean;
  /** The last text before hello that was no JSON: how servers word a refusal (servers.md 1.1). */
  readonly plainText: string | undefined;
}

/** The WebSocket was closed by the server or by the network. */
export function endOfClose({ code, reason, helloSeen, plainText }: SocketClose, host: string): ChannelEnd {
  const said = plainText ?? reason;
  if (!helloSeen && said !== '') return refused(host, said);
  if (code === 1008) return refused(host, said === '' ? 'close code 1008' : said);
  const where = reason === '' ? `close code ${code}` : `close code ${code}, "${reason}"`;
  if (!helloSeen && (code === 1000 || code === 1005)) return refused(host, 'it hung up without a hello');
  if (code === 1000 || code === 1005) return { normal: true, description: `the server hung up (${where})` };
  const why = code === 1006 ? 'the connection was lost' : where;
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The conversation with ${host} broke off: ${why}. ${ifThisGoesOn}`,
      { retryable: true },
    ),
  );
}

/** What a server said as plain text in a conversation, right before it hung up. */
export function lastWords(said: string, host: string): ClientError {
  return new ClientError(
    ErrorCode.serverError,
    `The server ${host} said “${said}” and hung up. If this goes on, check server.token, or look at the server's console.`,
    { retryable: true },
  );
}

/** The other end is gone without a word, and what was said last has not reached it. */
export function endOfDeadConnection(host: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportClosed,
      `The connection to ${host} is dead: nothing comes back any more. It is made anew. ${ifThisGoesOn}`,
      { retryable: true },
    ),
  );
}

function refused(host: string, said: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server refused this device: ${said} (${host}). Check server.token, or bind the device to your account again.`,
    ),
  );
}
