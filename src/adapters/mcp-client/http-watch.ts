import type { Clock } from '../../core/clock.ts';
import { ClientError } from '../../core/errors.ts';
import { loginPageWords } from '../../core/login-page.ts';
import { words } from '../../core/words.ts';
import type { Failures } from './failures.ts';
import { messageBody } from './message-body.ts';
import type { NodeFetch } from './node-fetch.ts';
import type { RequestId } from './usable-answer.ts';

export interface HttpWatchOptions {
  readonly kind: 'http' | 'sse';
  readonly fetch: NodeFetch['fetch'];
  readonly failures: Failures;
  readonly clock: Clock;
  /** How often in a row the server's stream may fail. */
  readonly maxStreamFailures: number;
  /** The server is gone, or knows us no longer. */
  onLost(error: ClientError): void;
  /** It did not take a message that asks for no answer; it works all the same. */
  onRefused(error: ClientError): void;
}

export interface HttpWatch {
  /** Rejects with a ClientError where the server did not take a message. */
  readonly fetch: NodeFetch['fetch'];
  /** Why the stream that comes first over SSE did not open; its transport knows only a number. */
  openFailure(): ClientError | undefined;
  /** Whether a stream of the server has been open. */
  hadStream(): boolean;
  /** How many answers to requests there were, of whatever kind. */
  heard(): number;
}

/** The server answered, with an HTTP status that is no success. */
export class HttpStatusError extends ClientError {
  readonly status: number;

  constructor(status: number, { code, message, retryable, words: said }: ClientError) {
    super(code, message, { retryable, words: said });
    this.status = status;
  }
}

/** What a server that is none is told apart by. */
export const notMcp = words('notMcp');

const maxErrorBytes = 8192;
/** Not `ECONNRESET`: the session may outlive one broken connection. */
const gone = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT']);

/** Looks at all that goes over HTTP to one server and says in words what went wrong. */
export function createHttpWatch(options: HttpWatchOptions): HttpWatch {
  const { kind, failures, clock, maxStreamFailures, onLost, onRefused } = options;
  const fetch = pastLoginPages(options);
  let openFailure: ClientError | undefined;
  let hadStream = false;
  let streamFailures = 0;
  let heard = 0;

  const streamFailed = (error: ClientError) => {
    if (kind === 'sse' && !hadStream) openFailure = error;
    streamFailures += 1;
    if (hadStream && streamFailures >= maxStreamFailures) onLost(error);
  };

  const openStream = async (address: string | URL, init?: RequestInit): Promise<Response> => {
    let answer: Response;
    try {
      answer = await fetch(address, init);
    } catch (thrown) {
      const error = thrown instanceof ClientError ? thrown : failures.network(thrown);
      if (!init?.signal?.aborted) streamFailed(error);
      throw error;
    }
    if (answer.status === 404 && hadStream) onLost(failures.sessionLost());
    else if (answer.status >= 400 && answer.status !== 405)
      streamFailed(new HttpStatusError(answer.status, statusFailure(answer.status, '', failures)));
    else if (!isEventStream(answer)) streamFailed(failures.unusable(notMcp));
    else {
      hadStream = true;
      streamFailures = 0;
    }
    return await messageBody(answer, [], clock);
  };

  const post = async (address: string | URL, init: RequestInit): Promise<Response> => {
    const hasSession = kind === 'sse' || new Headers(init.headers).has('mcp-session-id');
    const { id, method } = sentMessage(init.body);
    let answer: Response;
    try {
      answer = await fetch(address, init);
    } catch (thrown) {
      if (init.signal?.aborted) throw thrown;
      if (thrown instanceof ClientError) {
        if (hasSession) onLost(thrown);
        throw thrown;
      }
      const error = failures.network(thrown);
      if (hasSession && gone.has((thrown as NodeJS.ErrnoException).code ?? '')) onLost(error);
      throw error;
    }
    if (id !== undefined) heard += 1;
    if (answer.status < 400) return await messageBody(answer, id === undefined ? [] : [id], clock);
    const said = await errorText(answer, failures);
    if (id === undefined) {
      onRefused(statusFailure(answer.status, said, failures));
      return new Response(null, { status: 202 });
    }
    // Who was only asked whether it lives has shown that it does; a lost session shows with the next call.
    if (
      method !== 'ping' &&
      hasSession &&
      (answer.status === 404 || (answer.status === 400 && /session/i.test(said)))
    ) {
      const lost = failures.sessionLost();
      onLost(lost);
      throw lost;
    }
    throw new HttpStatusError(answer.status, statusFailure(answer.status, said, failures));
  };

  return {
    openFailure: () => openFailure,
    hadStream: () => hadStream,
    heard: () => heard,
    fetch: (address, init) => {
      const method = init?.method ?? 'GET';
      if (method === 'POST' && init) return post(address, init);
      return method === 'GET' ? openStream(address, init) : fetch(address, init);
    },
  };
}

/** As `fetch`; rejects where a network that wants people to log in has answered in place of the server. */
function pastLoginPages({ fetch, failures }: HttpWatchOptions): NodeFetch['fetch'] {
  return async (address, init) => {
    const answer = await fetch(address, init);
    const { status, headers } = answer;
    const mayBeLogin = status >= 300 || headers.get('content-type')?.includes('html');
    if (status === 401 || status === 403 || !mayBeLogin) return answer;
    const [body, again] = status === 200 ? await peek(answer) : ['', answer];
    const location = headers.get('location') ?? undefined;
    const login = loginPageWords({ status, location, body }, String(address));
    if (login === undefined) return again;
    await again.body?.cancel().catch(() => {});
    throw failures.unreachable(login);
  };
}

/** The text of a page, and the same answer once more. */
async function peek(answer: Response): Promise<[string, Response]> {
  const { status, headers } = answer;
  const text = await answer.text().catch(() => '');
  return [text.slice(0, maxErrorBytes), new Response(text, { status, headers })];
}

/** What the protocol client has written; without an id there is no answer to it. */
function sentMessage(body: RequestInit['body']): { readonly id?: RequestId; readonly method?: string } {
  return typeof body === 'string' ? (JSON.parse(body) as { id?: RequestId; method?: string }) : {};
}

const isEventStream = ({ headers }: Response): boolean =>
  headers.get('content-type')?.includes('text/event-stream') ?? false;

function statusFailure(status: number, said: string, failures: Failures): ClientError {
  const number = words('httpStatus', { status });
  const what = said === '' ? number : words('withText', { what: number, text: said });
  if (status === 401 || status === 403) return failures.unusable(words('refusesUs', { what }));
  if (status === 404 || status === 405) return failures.unusable(words('noMcpHere', { what }));
  return failures.unreachable(words('itAnswered', { what }));
}

/** What the server said about its error; pages for people are left out. */
async function errorText(answer: Response, failures: Failures): Promise<string> {
  const text = await answer.text().catch(() => '');
  if (answer.headers.get('content-type')?.includes('html') || text.length > maxErrorBytes) return '';
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } | string };
    const message = typeof error === 'string' ? error : error?.message;
    return typeof message === 'string' ? failures.quoted(message) : '';
  } catch {
    return failures.quoted(text);
  }
}
