import { ClientError, type ClientErrorOptions, ErrorCode, messageOf } from '../../core/errors.ts';
import { networkWords } from '../../core/network-words.ts';
import { createQuote, type Quote } from '../../core/quoting.ts';
import {
  secretsOfArguments,
  secretsOfSettings,
  secretsOfUrl,
  withAndWithoutScheme,
} from '../../core/secrets.ts';
import { foreignWords, sentenceOf, type Words, words } from '../../core/words.ts';
import type { McpServerTarget } from '../../ports/mcp-client.ts';

/** For `networkWords`. */
const advice = {
  hostUnknown: words('checkUrl'),
  hostNotLookedUp: words('checkNetwork'),
  certificateUnknown: words('setCaFile'),
};

/** The errors of one server as sentences; the secrets of its configuration never appear in them. */
export interface Failures {
  /** The connection is not there, or has broken. */
  unreachable(what: Words, cause?: unknown): ClientError;
  /** As `unreachable`, until somebody changes the configuration or the computer. */
  unusable(what: Words, cause?: unknown): ClientError;
  /** What Node reports of a socket. */
  network(thrown: unknown): ClientError;
  sessionLost(): ClientError;
  failed(what: Words, cause?: unknown): ClientError;
  badOutput(what: Words, cause?: unknown): ClientError;
  /** Why a wait ended early: the signal's own reason when it is an expected failure. */
  aborted(signal: AbortSignal): ClientError;
  readonly quoted: Quote;
}

export function createFailures(target: McpServerTarget): Failures {
  const quoted = createQuote(secretsOf(target));
  const failure = (code: ErrorCode, said: Words, { retryable = false, cause }: ClientErrorOptions) =>
    new ClientError(code, sentenceOf(said, 'en'), { retryable, cause, words: said });
  const notReached = (what: Words, cause: unknown, retryable: boolean) =>
    failure(ErrorCode.toolUnreachable, words('serverUnreachable', { what }), { retryable, cause });
  const unreachable = (what: Words, cause?: unknown) => notReached(what, cause, true);
  return {
    quoted,
    unreachable,
    unusable: (what, cause) => notReached(what, cause, false),
    network: (thrown) =>
      unreachable(networkWords(thrown, advice) ?? foreignWords(quoted(messageOf(thrown))), thrown),
    sessionLost: () =>
      new ClientError(
        ErrorCode.toolSessionLost,
        'The MCP server no longer knows this session, probably because it was started anew. Try again.',
        { retryable: true, words: words('sessionLost') },
      ),
    failed: (what, cause) => failure(ErrorCode.toolFailed, words('serverRefused', { what }), { cause }),
    badOutput: (what, cause) =>
      failure(ErrorCode.toolBadOutput, words('serverBadAnswer', { what }), { cause }),
    aborted: (signal) =>
      signal.reason instanceof ClientError
        ? signal.reason
        : new ClientError(ErrorCode.toolCancelled, 'The MCP server was not waited for any longer.', {
            words: words('stoppedEarly'),
          }),
  };
}

/** What must not come back in an error or a log line that quotes the configuration. */
function secretsOf(target: McpServerTarget): string[] {
  if (target.type === 'stdio')
    return [...secretsOfSettings(target.env), ...secretsOfArguments([target.command, ...target.args])];
  const inHeaders = Object.values(target.headers).flatMap(withAndWithoutScheme);
  return [...inHeaders, ...secretsOfUrl(target.url)];
}
