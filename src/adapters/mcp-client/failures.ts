import { ClientError, type ClientErrorOptions, ErrorCode, messageOf } from '../../core/errors.ts';
import { networkWords } from '../../core/network-words.ts';
import { createQuote, type Quote } from '../../core/quoting.ts';
import { looksLikeToken } from '../../core/token-like.ts';
import { foreignWords, sentenceOf, type Words, words } from '../../core/words.ts';
import type { McpServerTarget } from '../../ports/mcp-client.ts';

/** For `networkWords`. */
const advice = {
  hostUnknown: words('checkUrl'),
  hostNotLookedUp: words('checkNetwork'),
  certificateUnknown: words('setCaFile'),
};

const secretName = /token|secret|pass|pwd|key|auth|credential|cookie/i;

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
  if (target.type === 'stdio') {
    const inEnv = Object.entries(target.env).flatMap(([name, value]) =>
      secretName.test(name) || looksLikeToken(value) ? [value] : passwordsOf(value),
    );
    return [...inEnv, ...target.args.flatMap((arg, at) => secretsOfArgument(arg, target.args[at - 1]))];
  }
  const inHeaders = Object.values(target.headers).flatMap(withAndWithoutScheme);
  return [...inHeaders, ...passwordsOf(target.url), ...secretsOfAddress(target.url)];
}

/** Of its query everything; hosts of servers also give each user a path of its own, which is all one needs to call them. */
function secretsOfAddress(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { pathname, searchParams } = new URL(url);
  return [...searchParams.values(), ...pathname.split('/').filter(looksLikeToken)];
}

/** `--token abc`, `--token=abc`, `--header "Authorization: Bearer abc"`, `postgres://user:abc@host`. */
function secretsOfArgument(argument: string, before = ''): string[] {
  const [, name = '', value = ''] = /^((?:-[\w-]+=)?-*[\w-]+)\s*[=:]\s*(?!\/\/)(.+)$/s.exec(argument) ?? [];
  if (secretName.test(name)) return withAndWithoutScheme(value);
  if (/^-[^=]*$/.test(before) && secretName.test(before)) return [argument];
  return passwordsOf(argument.replace(/^-[\w-]+=/, ''));
}

/** `Bearer abc` is quoted without its scheme as well. */
const withAndWithoutScheme = (value: string): string[] => [value, value.replace(/^\w+ +/, '')];

function passwordsOf(text: string): string[] {
  if (!text.includes('://') || !URL.canParse(text)) return [];
  const { password } = new URL(text);
  return password === '' ? [] : [password, decodeURIComponent(password)];
}
