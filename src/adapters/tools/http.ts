import type { Agent } from 'node:http';
import { ClientError } from '../../core/errors.ts';
import { nextLoopTurn } from '../../core/loop-turns.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { HttpTarget, ToolDefinition } from '../../ports/tool-definition.ts';
import { BodyTooLargeError, exchange, type HttpReply, StaleSocketError } from './http-exchange.ts';
import { maxAnswerBytes, type RunnerDeps, type ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import { fillUrl, queryOf } from './template.ts';
import { createFailureMaker, type FailureMaker } from './tool-failure.ts';
import { outputOf, outputOfValue, textOf } from './tool-output.ts';

/** Below the 5 s after which Node and many other servers close a quiet connection. */
const keepAliveMs = 4000;
const maxSockets = 16;

/** One HTTP request for each call; connections are kept for the next. */
export function createHttpRunner(
  { name, target }: ToolDefinition<HttpTarget>,
  _deps: RunnerDeps,
): ToolRunner {
  const headers = headersOf(target);
  const failure = createFailureMaker(name, secretsOf(target));
  const runs = createRuns(failure);
  let agent: Promise<Agent> | undefined;

  const call = async (args: ToolArguments, signal: AbortSignal): Promise<ToolOutput> => {
    const request = requestFor(target, args, failure);
    agent ??= createAgent(request.url);
    const exchanged = {
      ...request,
      headers: { ...request.headers, ...headers },
      agent: await agent,
      maxBodyBytes: maxAnswerBytes,
      signal,
    };
    try {
      const reply = await exchange(exchanged).catch((thrown) => {
        if (thrown instanceof StaleSocketError && !signal.aborted) return exchange(exchanged);
        throw thrown;
      });
      await nextLoopTurn();
      return outputOfReply(reply, target, request.url, failure);
    } catch (thrown) {
      if (signal.aborted) throw failure.aborted(signal);
      if (thrown instanceof BodyTooLargeError) throw failure.tooLarge(maxAnswerBytes);
      throw thrown instanceof ClientError ? thrown : failure.unreachable(thrown);
    }
  };

  return {
    run: (args, { signal }) => runs.track(signal, (own) => call(args, own)),
    dispose: async () => {
      await runs.dispose();
      (await agent)?.destroy();
    },
  };
}

async function createAgent({ protocol }: URL): Promise<Agent> {
  const { Agent } = protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Agent({ keepAlive: true, timeout: keepAliveMs, maxSockets });
}

function requestFor({ url: template, method, body }: HttpTarget, args: ToolArguments, failure: FailureMaker) {
  const filled = fillUrl(template, args);
  if ('fault' in filled) {
    throw failure.failed(
      filled.fault === 'missing'
        ? `it needs a value for ${filled.name}`
        : `the value of ${filled.name} would lead to another address`,
    );
  }
  const url = new URL(filled.url);
  if (method === 'GET' || method === 'DELETE') {
    for (const [key, value] of queryOf(args, filled.used)) url.searchParams.append(key, value);
    return { url, method, headers: {} };
  }
  if (body === 'form') {
    const form = queryOf(args, filled.used).toString();
    return { url, method, body: form, headers: bodyHeaders('application/x-www-form-urlencoded', form) };
  }
  const json = JSON.stringify(
    Object.fromEntries(Object.entries(args).filter(([key]) => !filled.used.has(key))),
  );
  return { url, method, body: json, headers: bodyHeaders('application/json', json) };
}

function bodyHeaders(type: string, body: string): Record<string, string> {
  return { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) };
}

function headersOf({ headers, auth, url }: HttpTarget): Record<string, string> {
  const all: Record<string, string> = {
    accept: 'application/json, text/plain;q=0.9, */*;q=0.5',
    'accept-encoding': 'identity',
  };
  for (const [key, value] of Object.entries(headers)) all[key.toLowerCase()] = value;
  const { username, password } = new URL(url);
  if (auth?.type === 'bearer') all.authorization = `Bearer ${auth.token}`;
  if (auth?.type === 'header') all[auth.name.toLowerCase()] = auth.value;
  if (auth?.type === 'basic') all.authorization = basic(auth.username, auth.password);
  else if (auth === undefined && username !== '')
    all.authorization = basic(decodeURIComponent(username), decodeURIComponent(password));
  return all;
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** What must not come back to us in an error page that quotes the request. */
function secretsOf(target: HttpTarget): string[] {
  const { password, searchParams } = new URL(target.url);
  const { type: _, ...inAuth } = target.auth ?? { type: '' };
  const credentials = headersOf(target).authorization?.replace(/^\w+ /, '') ?? '';
  const inQuery = [...searchParams.values()].filter((value) => !value.includes('{'));
  return [...Object.values(target.headers), ...Object.values(inAuth), credentials, password, ...inQuery];
}

function outputOfReply(reply: HttpReply, target: HttpTarget, url: URL, failure: FailureMaker): ToolOutput {
  const { status, headers, body } = reply;
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = /charset="?([^"]+)/.exec(parameters.join(';'))?.[1]?.trim();
  const text = textOf(body, charset);
  if (status >= 300 && status < 400) {
    throw failure.failed(
      `the server redirects to ${failure.quoted(redirectTarget(headers.location, url))}; put that address into its url`,
    );
  }
  if (status >= 400) {
    const said = type.includes('html') ? '' : failure.quoted(text ?? '');
    throw failure.failed(`the server answered with HTTP status ${status}${said === '' ? '' : `: ${said}`}`);
  }
  if (type.startsWith('image/') && type !== 'image/svg+xml' && target.resultPath === undefined)
    return { kind: 'image', base64: body.toString('base64'), mimeType: type.trim() };
  if (text === undefined) throw failure.badOutput('the server sent binary data instead of text');
  return target.resultPath === undefined ? outputOf(text) : atPath(text, target.resultPath, failure);
}

/** Without query, which may hold secrets. */
function redirectTarget(location: string | undefined, from: URL): string {
  if (location === undefined || !URL.canParse(location, from.href)) return 'an unknown address';
  const { origin, pathname } = new URL(location, from);
  return `${origin}${pathname}`;
}

function atPath(text: string, path: string, failure: FailureMaker): ToolOutput {
  const output = outputOf(text);
  if (output.kind !== 'json') throw failure.badOutput('the server did not answer with JSON');
  let value: unknown = output.value;
  for (const key of path.split('.')) {
    const holds = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    if (!holds) throw failure.badOutput(`the answer holds nothing at ${path}`);
    value = (value as Record<string, unknown>)[key];
  }
  return outputOfValue(value);
}
