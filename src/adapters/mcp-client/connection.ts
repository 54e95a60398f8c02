import type { Client, RequestOptions, StandardSchemaV1 } from '@modelcontextprotocol/client';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf, toClientError } from '../../core/errors.ts';
import { foreignWords, inWords, secondsIn, words } from '../../core/words.ts';
import type { ForeignCallOptions, McpClientConnection } from '../../ports/mcp-client.ts';
import type { Failures } from './failures.ts';
import { foreignResultOf } from './foreign-result.ts';
import { readToolList } from './foreign-tools.ts';
import { HttpStatusError, notMcp } from './http-watch.ts';
import { plainComplaint } from './plain-complaint.ts';
import type { Road } from './road.ts';
import { noResult } from './usable-answer.ts';

export interface ConnectionParts {
  readonly client: Client;
  readonly road: Road;
  readonly clock: Clock;
  readonly failures: Failures;
  /** Called first by `close`: nothing of the server is told any more. */
  onClosing(): void;
}

/** Results are looked at here, leniently; the client's own schemas reject a whole list for one bad tool. */
const anyResult: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'xiaozhi-speaker', validate: (value) => ({ value }) },
};
/** Time is kept on the injected clock; this is the longest the client's own timer can wait. */
export const noTimeoutMs = 2 ** 31 - 1;
const maxServerNameCharacters = 100;

/** An initialised client as the device uses it. */
export function createConnection(parts: ConnectionParts): McpClientConnection {
  const { client, road, clock, failures } = parts;
  let closing: Promise<void> | undefined;

  const request = async (
    method: string,
    params: object | undefined,
    signal: AbortSignal,
  ): Promise<unknown> => {
    if (signal.aborted) throw failures.aborted(signal);
    const options: RequestOptions = { signal, timeout: noTimeoutMs };
    try {
      return await client.request({ method, ...(params && { params: { ...params } }) }, anyResult, options);
    } catch (thrown) {
      throw requestFailure(thrown, signal, parts);
    }
  };

  const within = async <T>(
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
    onTimeout: () => ClientError,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    // Not AbortSignal.any: on the Node versions we support it keeps what it made as long as its oldest source lives.
    const own = new AbortController();
    const onAbort = () => own.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = clock.setTimeout(() => own.abort(onTimeout()), timeoutMs);
    try {
      return await work(own.signal);
    } finally {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  };

  const { name = '', version = '' } = client.getServerVersion() ?? {};
  return {
    transport: road.kind,
    ...(road.pid !== undefined && { pid: road.pid }),
    server: {
      name: failures.quoted(name, maxServerNameCharacters),
      version: failures.quoted(version, maxServerNameCharacters),
    },
    async listTools(signal) {
      if (client.getServerCapabilities()?.tools === undefined) return { tools: [], faults: [] };
      try {
        return await readToolList((cursor) =>
          request('tools/list', cursor === undefined ? {} : { cursor }, signal),
        );
      } catch (thrown) {
        if (thrown instanceof ClientError) throw thrown;
        throw failures.badOutput(words('noToolList'), thrown);
      }
    },
    callTool: async (tool, args, options: ForeignCallOptions) =>
      foreignResultOf(
        await within(
          options,
          () => tooSlow(tool, options.timeoutMs),
          (signal) => request('tools/call', { name: tool, arguments: args }, signal),
        ),
      ),
    async ping(timeoutMs) {
      const silent = () => failures.unreachable(words('silent'));
      const heardBefore = road.heard();
      try {
        await within({ timeoutMs }, silent, (signal) => request('ping', undefined, signal));
      } catch (thrown) {
        if (!isAnswered(thrown) && (road.problem() !== undefined || road.heard() === heardBefore))
          throw thrown;
      }
    },
    close() {
      closing ??= (async () => {
        parts.onClosing();
        await road.close();
      })();
      return closing;
    },
  };
}

/** Any answer proves that somebody lives there: that it has no ping, or an odd one, or an HTTP status. */
function isAnswered(thrown: unknown): boolean {
  if (thrown instanceof HttpStatusError) return true;
  const { code, retryable } = toClientError(thrown);
  return code === ErrorCode.toolUnreachable ? !retryable : code !== ErrorCode.toolSessionLost;
}

/** What was left for the call is a little less than what was configured, and people configure round numbers. */
const roundMs = 50;

function tooSlow(tool: string, leftMs: number): ClientError {
  const time = secondsIn((Math.ceil(leftMs / roundMs - 0.01) * roundMs) / 1000);
  return new ClientError(
    ErrorCode.toolTimeout,
    `The tool ${tool} did not finish within ${inWords(time, 'en')} and was stopped.`,
    { words: words('timedOut', { time }) },
  );
}

/** What a request ended with, in words for a person. */
export function requestFailure(
  thrown: unknown,
  signal: AbortSignal,
  { road, failures }: Pick<ConnectionParts, 'road' | 'failures'>,
): ClientError {
  if (signal.aborted) return failures.aborted(signal);
  if (thrown instanceof ClientError) return thrown;
  if (messageOf(thrown) === noResult) return failures.badOutput(words('noResult'), thrown);
  const { name, code, status } = thrown as { name?: unknown; code?: unknown; status?: unknown };
  if (name === 'ProtocolError' || typeof code === 'number')
    return failures.failed(foreignWords(failures.quoted(plainComplaint(messageOf(thrown)))), thrown);
  if (code === 'CONNECTION_CLOSED' || code === 'NOT_CONNECTED' || messageOf(thrown) === 'Not connected')
    return road.problem() ?? failures.unreachable(words('connectionClosed'), thrown);
  // A redirect that was not followed; the words say where to, without its query.
  if (typeof status === 'number')
    return failures.unusable(foreignWords(failures.quoted(messageOf(thrown))), thrown);
  if (code === 'CLIENT_HTTP_UNEXPECTED_CONTENT') return failures.unusable(notMcp, thrown);
  if (thrown instanceof SyntaxError || name === 'ZodError' || code === 'INVALID_RESULT')
    return failures.badOutput(words('notMcpMessage'), thrown);
  return failures.badOutput(foreignWords(failures.quoted(messageOf(thrown))), thrown);
}
