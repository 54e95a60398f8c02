import { wait } from '../../core/clock.ts';
import { ClientError } from '../../core/errors.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { HttpTarget, ToolDefinition } from '../../ports/tool-definition.ts';
import { createHttpClient, type HttpRequest } from './http-client.ts';
import { credentialsOf } from './http-credentials.ts';
import type { HttpReply } from './http-exchange.ts';
import { outputOfReply } from './http-reply.ts';
import { requestFor } from './http-request.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import { createFailureMaker } from './tool-failure.ts';

/** What a server says that is busy or being restarted. */
const passingStatus: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** One HTTP request for each call; connections are kept for the next. */
export function createHttpRunner(
  { name, target }: ToolDefinition<HttpTarget>,
  { clock, env }: RunnerDeps,
): ToolRunner {
  const credentials = credentialsOf(target.auth, target.url, env);
  const headers = { ...headersOf(target), ...credentials.headers };
  const failure = createFailureMaker(name, [
    ...credentials.secrets,
    ...Object.values(target.headers),
    ...secretsInUrl(target.url),
  ]);
  const runs = createRuns(failure);
  const client = createHttpClient(failure);

  /** Goes on as long as the reason may pass and tries are left; the last reply or failure counts. */
  const send = async (request: HttpRequest, signal: AbortSignal): Promise<HttpReply> => {
    const { count, delayMs } = target.retry ?? { count: 0, delayMs: 0 };
    for (let left = count; ; left--) {
      try {
        const reply = await client.send(request, signal);
        if (left === 0 || !passingStatus.has(reply.status)) return reply;
      } catch (thrown) {
        const passing = thrown instanceof ClientError && thrown.retryable;
        if (left === 0 || !passing || signal.aborted) throw thrown;
      }
      await wait(clock, delayMs, signal);
      if (signal.aborted) throw failure.aborted(signal);
    }
  };
  const call = async (args: ToolArguments, signal: AbortSignal): Promise<ToolOutput> => {
    if (credentials.missing !== undefined) throw failure.missingVariable(credentials.missing);
    const request = requestFor(target, args, failure);
    for (const [key, value] of Object.entries(credentials.query)) request.url.searchParams.set(key, value);
    const reply = await send({ ...request, headers: { ...request.headers, ...headers } }, signal);
    return outputOfReply(reply, target, request.url, failure);
  };

  return {
    run: (args, { signal }) => runs.track(signal, (own) => call(args, own)),
    dispose: async () => {
      await runs.dispose();
      await client.close();
    },
  };
}

function headersOf({ headers }: HttpTarget): Record<string, string> {
  const all: Record<string, string> = {
    accept: 'application/json, text/plain;q=0.9, */*;q=0.5',
    'accept-encoding': 'identity',
  };
  for (const [key, value] of Object.entries(headers)) all[key.toLowerCase()] = value;
  return all;
}

function secretsInUrl(url: string): string[] {
  const { password, searchParams } = new URL(url);
  return [password, ...[...searchParams.values()].filter((value) => !value.includes('{'))];
}
