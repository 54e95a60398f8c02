import type { Agent, ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

export interface HttpCall {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly agent: Agent;
  readonly maxBodyBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export class BodyTooLargeError extends Error {}

/**
 * One request, redirects not followed. Rejects with what Node reports, or a BodyTooLargeError; an abort destroys the
 * socket. Node's `request` and not `fetch`, which costs more than the whole call on its first use.
 */
export async function exchange(call: HttpCall): Promise<HttpReply> {
  const { request } = call.url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return await new Promise((resolve, reject) => {
    const sent: ClientRequest = request(call.url, {
      method: call.method,
      agent: call.agent,
      headers: call.headers,
      signal: call.signal,
    });
    sent.on('error', (error) => reject(mayRepeat(sent, call.method) ? new StaleSocketError(error) : error));
    sent.on('response', (response) => {
      collect(response, call.maxBodyBytes).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        (error) => {
          reject(error);
          sent.destroy();
        },
      );
    });
    sent.end(call.body);
  });
}

/** The server had closed a kept connection just when we used it again; the request may be sent once more. */
export class StaleSocketError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** RFC 9110 §9.2.2: only methods that do the same when they are done twice. */
function mayRepeat(sent: ClientRequest, method: string): boolean {
  return sent.reusedSocket && method !== 'POST' && method !== 'PATCH';
}

async function collect(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of await decoded(response)) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw new BodyTooLargeError();
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** We ask for no compression, but some servers have nothing else. */
async function decoded(response: IncomingMessage): Promise<Readable> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return response;
  const [{ createUnzip, createBrotliDecompress }, { pipeline }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ]);
  const unpacked = encoding === 'br' ? createBrotliDecompress() : createUnzip();
  return pipeline(response, unpacked, () => {});
}
