import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import { networkWords } from '../../core/network-words.ts';
import { createQuote, type Quote } from '../../core/quoting.ts';
import {
  secretsOfArguments,
  secretsOfSettings,
  secretsOfUrl,
  withAndWithoutScheme,
} from '../../core/secrets.ts';
import type { McpServerTarget } from '../../ports/mcp-client.ts';

/** By the words of `networkWords`. */
const advice: Readonly<Record<string, string>> = {
  'the name of the host is not known': 'check the url',
  'the name of the host could not be looked up': 'check the network',
  'its certificate is signed by nobody we trust':
    'if it is yours, set caFile beside its url to the PEM file of its authority',
};

/** The errors of one server as sentences; the secrets of its configuration never appear in them. */
export interface Failures {
  /** The connection is not there, or has broken. */
  unreachable(what: string, cause?: unknown): ClientError;
  /** As `unreachable`, until somebody changes the configuration or the computer. */
  unusable(what: string, cause?: unknown): ClientError;
  /** What Node reports of a socket. */
  network(thrown: unknown): ClientError;
  sessionLost(): ClientError;
  failed(what: string, cause?: unknown): ClientError;
  badOutput(what: string, cause?: unknown): ClientError;
  /** Why a wait ended early: the signal's own reason when it is an expected failure. */
  aborted(signal: AbortSignal): ClientError;
  readonly quoted: Quote;
}

export function createFailures(target: McpServerTarget): Failures {
  const quoted = createQuote(secretsOf(target));
  const notReached = (what: string, cause: unknown, retryable: boolean) =>
    new ClientError(ErrorCode.toolUnreachable, `The MCP server cannot be reached: ${sentence(what)}`, {
      retryable,
      cause,
    });
  const unreachable = (what: string, cause?: unknown) => notReached(what, cause, true);
  return {
    quoted,
    unreachable,
    unusable: (what, cause) => notReached(what, cause, false),
    network: (thrown) => unreachable(networkWords(thrown, advice) ?? quoted(messageOf(thrown)), thrown),
    sessionLost: () =>
      new ClientError(
        ErrorCode.toolSessionLost,
        'The MCP server no longer knows this session, probably because it was started anew. Try again.',
        { retryable: true },
      ),
    failed: (what, cause) =>
      new ClientError(ErrorCode.toolFailed, `The MCP server said no: ${sentence(what)}`, { cause }),
    badOutput: (what, cause) =>
      new ClientError(ErrorCode.toolBadOutput, `The MCP server gave no usable answer: ${sentence(what)}`, {
        cause,
      }),
    aborted: (signal) =>
      signal.reason instanceof ClientError
        ? signal.reason
        : new ClientError(ErrorCode.toolCancelled, 'The MCP server was not waited for any longer.'),
  };
}

const sentence = (words: string): string => (/[.!?。！？…]$/.test(words) ? words : `${words}.`);

/** What must not come back in an error or a log line that quotes the configuration. */
function secretsOf(target: McpServerTarget): string[] {
  if (target.type === 'stdio')
    return [...secretsOfSettings(target.env), ...secretsOfArguments([target.command, ...target.args])];
  const inHeaders = Object.values(target.headers).flatMap(withAndWithoutScheme);
  return [...inHeaders, ...secretsOfUrl(target.url)];
}
