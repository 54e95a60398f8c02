import { isCertificateError } from '../../core/certificate-errors.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';

const connectWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing is listening there',
  ECONNRESET: 'it closed the connection',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'it did not answer',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to this host',
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
export function endOfSocketError(thrown: unknown, host: string, opened: boolean): ChannelEnd {
  const code = (thrown as { code?: unknown } | undefined)?.code;
  const name = typeof code === 'string' ? code : '';
  if (isCertificateError(thrown)) {
    return failed(
      new ClientError(
        ErrorCode.transportTls,
        `The certificate of ${host} cannot be trusted (${messageOf(thrown)}). If this is your own server, put its CA certificate into a file and set server.caFile to it.`,
        { cause: thrown },
      ),
    );
  }
  if (opened) return endOfBrokenStream(thrown, name, host);
  const noHttp = name.startsWith('HPE_') ? 'it does not speak HTTP' : undefined;
  const why = noHttp ?? connectWords[name] ?? messageOf(thrown);
  return failed(
    new ClientError(
      ErrorCode.transportUnreachable,
      `Cannot connect to ${host}: ${why}. ${connectAdvice[name] ?? 'Check that the server runs, and server.url.'}`,
      { retryable: true, cause: thrown },
    ),
  );
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

/** The server answered the WebSocket upgrade with an HTTP status. */
export function endOfHttpAnswer(status: number, host: string): ChannelEnd {
  if (status === 401 || status === 403) {
    return failed(
      new ClientError(
        ErrorCode.transportRefused,
        `The server ${host} refused this device (HTTP ${status}). Check server.token, or bind the device to your account again.`,
      ),
    );
  }
  if (status >= 500) {
    return failed(
      new ClientError(
        ErrorCode.transportUnreachable,
        `The server ${host} is in trouble (HTTP ${status}). Try again later; if it is yours, look at its log.`,
        { retryable: true },
      ),
    );
  }
  const hint =
    status >= 300 && status < 400
      ? 'It wants to redirect, which devices do not follow'
      : 'There is no 小智 server at this address';
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `${hint} (${host}, HTTP ${status}). Check the path in server.url.`,
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

function refused(host: string, said: string): ChannelEnd {
  return failed(
    new ClientError(
      ErrorCode.transportRefused,
      `The server refused this device: ${said} (${host}). Check server.token, or bind the device to your account again.`,
    ),
  );
}
