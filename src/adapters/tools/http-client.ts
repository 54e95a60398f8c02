import type { Agent } from 'node:http';
import { ClientError } from '../../core/errors.ts';
import { nextLoopTurn } from '../../core/loop-turns.ts';
import { proxyAgent, proxyFor } from '../../network/proxy.ts';
import { BodyTooLargeError, exchange, type HttpReply, StaleSocketError } from './http-exchange.ts';
import { maxAnswerBytes } from './runner.ts';
import type { FailureMaker } from './tool-failure.ts';

/** Below the 5 s after which Node and many other servers close a quiet connection. */
const keepAliveMs = 4000;
const maxSockets = 16;

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Requests of one tool to one server, whose connections are kept for the next. */
export interface HttpClient {
  /** Whatever its status is. Rejects with a ClientError. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpReply>;
  close(): Promise<void>;
}

export function createHttpClient(failure: FailureMaker): HttpClient {
  // A template may lead to several hosts, some of them past the proxy.
  const agents = new Map<string, Promise<Agent>>();
  const agentFor = (url: URL) => {
    const key = `${url.protocol}${proxyFor(url)?.href ?? ''}`;
    const known = agents.get(key) ?? createAgent(url);
    agents.set(key, known);
    return known;
  };
  return {
    async send(request, signal) {
      const exchanged = {
        ...request,
        agent: await agentFor(request.url),
        maxBodyBytes: maxAnswerBytes,
        signal,
      };
      try {
        const reply = await exchange(exchanged).catch((thrown) => {
          if (thrown instanceof StaleSocketError && !signal.aborted) return exchange(exchanged);
          throw thrown;
        });
        await nextLoopTurn();
        return reply;
      } catch (thrown) {
        if (signal.aborted) throw failure.aborted(signal);
        if (thrown instanceof BodyTooLargeError) throw failure.tooLarge(maxAnswerBytes);
        throw thrown instanceof ClientError ? thrown : failure.unreachable(thrown);
      }
    },
    close: async () => {
      for (const agent of await Promise.all(agents.values())) agent.destroy();
    },
  };
}

async function createAgent(url: URL): Promise<Agent> {
  const options = { keepAlive: true, timeout: keepAliveMs, maxSockets };
  const proxied = proxyAgent(url, options);
  if (proxied) return proxied;
  const { protocol } = url;
  const { Agent } = protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Agent(options);
}

export function bodyHeaders(type: string, body: string): Record<string, string> {
  return { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) };
}
