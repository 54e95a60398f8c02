import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { proxyAgent } from '../../network/proxy.ts';

export interface HttpPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Certificate authorities to trust instead of Node's; https only. */
  readonly authorities?: readonly string[] | undefined;
  /** Limit for the status line, and once more for the body (firmware A13). */
  readonly limitMs: number;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly location?: string | undefined;
  readonly body: string;
}

/** The waiting time was over, or the answer larger than allowed. */
export class HttpLimitError extends Error {
  readonly kind: 'time' | 'size';
  constructor(kind: 'time' | 'size') {
    super(kind === 'time' ? 'no answer in time' : 'the answer is too large');
    this.kind = kind;
  }
}

/**
 * One POST on a connection of its own, redirects not followed (firmware A11). Node's `request` and not `fetch`: loading
 * fetch costs more start-up time than the whole request.
 * Rejects with what Node reports, an HttpLimitError, or the signal's reason.
 */
export async function httpPost(post: HttpPost): Promise<HttpAnswer> {
  post.signal.throwIfAborted();
  const secure = new URL(post.url).protocol === 'https:';
  const { request } = secure ? await import('node:https') : await import('node:http');
  post.signal.throwIfAborted();
  const authorities = secure && post.authorities ? { ca: [...post.authorities] } : {};
  return await new Promise((resolve, reject) => {
    const sent = request(post.url, {
      method: 'POST',
      agent: proxyAgent(post.url, { ca: post.authorities }) ?? false,
      headers: { ...post.headers, Connection: 'close', 'Content-Length': Buffer.byteLength(post.body) },
      ...authorities,
    });
    const finish = watch(sent, post, reject);
    sent.on('response', (response) => {
      finish.restartTimer();
      collect(
        response,
        post.maxBodyBytes,
        (answer) => {
          finish.end();
          resolve(answer);
        },
        finish.fail,
      );
    });
    sent.end(post.body);
  });
}

/** Timer, abort and errors of a request all end it once and for all. */
function watch(sent: ClientRequest, { clock, limitMs, signal }: HttpPost, reject: (reason: unknown) => void) {
  const end = () => {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
  const fail = (reason: unknown) => {
    end();
    reject(reason);
    sent.destroy();
  };
  const onAbort = () => fail(signal.reason);
  const startTimer = () => clock.setTimeout(() => fail(new HttpLimitError('time')), limitMs);
  let timer = startTimer();
  signal.addEventListener('abort', onAbort, { once: true });
  sent.on('error', fail);
  return {
    end,
    fail,
    restartTimer: () => {
      clock.clearTimeout(timer);
      timer = startTimer();
    },
  };
}

function collect(
  response: IncomingMessage,
  maxBytes: number,
  onDone: (answer: HttpAnswer) => void,
  onFailure: (reason: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) onFailure(new HttpLimitError('size'));
    else chunks.push(chunk);
  });
  response.on('error', onFailure);
  response.on('end', () =>
    onDone({
      status: response.statusCode ?? 0,
      location: response.headers.location,
      body: Buffer.concat(chunks).toString('utf8'),
    }),
  );
}
