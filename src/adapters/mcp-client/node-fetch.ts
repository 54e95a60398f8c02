import type { Agent, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { proxyAgent, proxyFor } from '../../network/proxy.ts';

/** Below the 5 s after which Node and many other servers close a quiet connection. */
const keepAliveMs = 4000;
const maxSockets = 32;

export interface NodeFetch {
  /** As `fetch` with `redirect: 'manual'`; rejects with what Node reports of the socket. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** Ends all connections. */
  close(): void;
}

/**
 * `fetch` over Node's own client. The built-in one cannot close its connections, gives up on an answer that takes five
 * minutes and ends a stream on which nothing is said for as long. Bodies are bounded: whole answers, and each event of a
 * stream of events. `ca`: authorities to trust in place of the usual ones, PEM.
 */
export function createNodeFetch(maxBodyBytes: number, ca?: readonly string[]): NodeFetch {
  const agents = new Map<string, Promise<Agent>>();
  const agentFor = (url: URL) => {
    const key = `${url.protocol}${proxyFor(url)?.href ?? ''}`;
    const known = agents.get(key) ?? createAgent(url, ca);
    agents.set(key, known);
    return known;
  };
  return {
    async fetch(address, init = {}) {
      const url = new URL(address);
      const agent = await agentFor(url);
      const answer = await send(url, init, agent);
      const body = hasBody(answer) ? bodyOf(answer, await decoded(answer), maxBodyBytes) : null;
      if (body === null) answer.resume();
      return new Response(body, { status: answer.statusCode ?? 500, headers: headersOf(answer) });
    },
    close() {
      for (const agent of agents.values()) void agent.then((each) => each.destroy());
      agents.clear();
    },
  };
}

async function createAgent(url: URL, ca: readonly string[] | undefined): Promise<Agent> {
  const options = { keepAlive: true, timeout: keepAliveMs, maxSockets };
  const proxied = proxyAgent(url, { ...options, ca });
  if (proxied) return proxied;
  if (url.protocol !== 'https:') return new (await import('node:http')).Agent(options);
  return new (await import('node:https')).Agent({ ...options, ...(ca && { ca: [...ca] }) });
}

async function send(url: URL, init: RequestInit, agent: Agent): Promise<IncomingMessage> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  for (const [name, value] of new Headers(init.headers)) headers[name] = value;
  const body = typeof init.body === 'string' ? init.body : undefined;
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  return await new Promise((resolve, reject) => {
    const sent = request(url, {
      method: init.method ?? 'GET',
      headers,
      agent,
      ...(init.signal && { signal: init.signal }),
    });
    sent.on('error', reject);
    sent.on('response', resolve);
    sent.end(body);
  });
}

/** `new Response` allows a body only where the protocol does. */
const hasBody = ({ statusCode }: IncomingMessage): boolean => ![204, 205, 304].includes(statusCode ?? 0);

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] as string, rawHeaders[at + 1] as string);
  return headers;
}

/** We ask for no compression, but some servers have nothing else. */
async function decoded(answer: IncomingMessage): Promise<Readable> {
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return answer;
  const [{ createUnzip, createBrotliDecompress }, { pipeline }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ]);
  return pipeline(answer, encoding === 'br' ? createBrotliDecompress() : createUnzip(), () => {});
}

/** `Readable.toWeb` keeps reading ahead and cannot be bounded. */
function bodyOf(answer: IncomingMessage, source: Readable, maxBytes: number): ReadableStream<Uint8Array> {
  const isEvents = answer.headers['content-type']?.includes('text/event-stream') ?? false;
  let bytes = 0;
  let over = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const fail = (error: Error) => {
        if (over) return;
        over = true;
        controller.error(error);
        answer.destroy();
      };
      source.on('data', (chunk: Buffer) => {
        if (over) return;
        const ends = isEvents ? eventEnd(chunk) : -1;
        bytes = ends < 0 ? bytes + chunk.length : chunk.length - ends;
        if (bytes > maxBytes) return fail(new BodyTooLargeError(maxBytes));
        controller.enqueue(chunk);
        if ((controller.desiredSize ?? 1) <= 0) source.pause();
      });
      source.on('end', () => {
        if (!over) controller.close();
        over = true;
      });
      source.on('error', fail);
      source.on('close', () => fail(new Error('the connection was closed')));
    },
    pull: () => void source.resume(),
    // What still comes is not wanted: a closed controller would throw.
    cancel: () => {
      over = true;
      answer.destroy();
    },
  });
}

/** Where in a chunk the last event ends, or -1. */
function eventEnd(chunk: Buffer): number {
  const lineFeeds = chunk.lastIndexOf('\n\n');
  const withReturns = chunk.lastIndexOf('\r\n\r\n');
  return Math.max(lineFeeds, withReturns);
}

class BodyTooLargeError extends Error {
  constructor(maxBytes: number) {
    super(`it sent more than ${maxBytes} bytes`);
  }
}
