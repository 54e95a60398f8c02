import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { type Clock, wait } from '../../core/clock.ts';
import { parseExact, stringifyExact } from '../../core/exact-json.ts';
import { isAnswer, noResult, type RequestId, usableAnswer } from './usable-answer.ts';

/** What a server may say, as over standard output: enough for any log, little enough that a flood costs next to nothing. */
const budget = { events: 10, windowMs: 10 };
/** Of answers there may be as many as there are calls, and nobody makes so many. */
const costOfAnswer = 0.25;
/** Also what says nothing has to be read: blank lines, comments. */
const costOfLine = 0.02;
/** Of one event; as many bytes as a message over standard output may have. */
const maxEventBytes = 8 * 1024 * 1024;
const maxEventLines = 50_000;
/** What else a line may say means nothing (server-sent events, section 9.2.6). */
const fields = /^(?:data|event|id|retry)(?::|$)/;
/** Larger than any message, so that only a stream that never stops is slowed down. */
const bytesPerWindow = 256 * 1024;

/**
 * An answer over HTTP as the protocol client can read it: messages are mended (see `usableAnswer`), and a stream of events is
 * read no faster than its budget. `open`: the request it answers, if any.
 */
export async function messageBody(
  answer: Response,
  open: readonly RequestId[],
  clock: Clock,
): Promise<Response> {
  const { status, headers, body } = answer;
  const type = headers.get('content-type') ?? '';
  if (body === null || status >= 300) return answer;
  if (type.includes('text/event-stream'))
    return new Response(eventStream(body, open, clock), { status, headers });
  if (open.length === 0) return answer;
  const text = (await answer.text()).replace(/^\uFEFF/, '');
  if (text.trim() === '') return answered({ jsonrpc: '2.0', id: open[0] as RequestId, ...noAnswer }, headers);
  const mended = mendedText(text, open);
  if (mended === undefined) return new Response(text, { status, headers });
  const asJson = new Headers(headers);
  asJson.set('content-type', 'application/json');
  return new Response(mended, { status, headers: asJson });
}

const noAnswer = { error: { code: -32_603, message: noResult } };

function answered(message: object, headers: Headers): Response {
  const asJson = new Headers(headers);
  asJson.set('content-type', 'application/json');
  return new Response(stringifyExact(message), { status: 200, headers: asJson });
}

/** Undefined where the text holds no message. */
function mendedText(text: string, open: readonly RequestId[]): string | undefined {
  const message = parsed(text);
  if (Array.isArray(message)) return stringifyExact(message.map((each) => mended(each, open) ?? each));
  const better = mended(message, open);
  if (better !== undefined) return stringifyExact(better);
  return message instanceof Object && 'jsonrpc' in message ? text : undefined;
}

function parsed(text: string): unknown {
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** Undefined where nothing is to be mended: what was sent stays as it was written. */
function mended(message: unknown, open: readonly RequestId[]): JSONRPCMessage | undefined {
  if (!isAnswer(message)) return undefined;
  const usable = usableAnswer(message, open);
  const isSame = Object.entries(usable).every(
    ([key, value]) => (message as Readonly<Record<string, unknown>>)[key] === value,
  );
  return isSame && Object.keys(message).length === Object.keys(usable).length ? undefined : usable;
}

function eventStream(
  body: ReadableStream<Uint8Array>,
  open: readonly RequestId[],
  clock: Clock,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const ended = new AbortController();
  const events = readEvents(reader, open, clock, ended.signal);
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await events.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel(reason) {
        ended.abort();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Events one by one, as text; waits when the budget of its window is spent. */
async function* readEvents(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  open: readonly RequestId[],
  clock: Clock,
  ended: AbortSignal,
): AsyncGenerator<string, void> {
  const lines = createLines();
  let event: string[] = [];
  let eventBytes = 0;
  let windowEndMs = Number.NEGATIVE_INFINITY;
  let spent = 0;
  let bytes = 0;
  const begin = (endMs: number) => {
    windowEndMs = endMs;
    spent = 0;
    bytes = 0;
  };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const nowMs = clock.now();
    if (nowMs >= windowEndMs) begin(nowMs + budget.windowMs);
    bytes += value.length;
    eventBytes += value.length;
    for (const line of lines(value)) {
      spent += costOfLine;
      if (line === '' && event.length > 0) {
        const { text, isAnswered } = eventOf(event, open);
        event = [];
        spent += isAnswered ? costOfAnswer : 1;
        yield text;
      } else if (fields.test(line)) event.push(line);
      if (line === '') eventBytes = 0;
      if (spent < budget.events) continue;
      await wait(clock, Math.max(1, windowEndMs - clock.now()), ended);
      begin(clock.now() + budget.windowMs);
    }
    if (eventBytes > maxEventBytes || event.length > maxEventLines)
      throw new Error('it sent an event without end');
    if (bytes > bytesPerWindow) await wait(clock, Math.max(1, windowEndMs - clock.now()), ended);
  }
}

function eventOf(
  lines: readonly string[],
  open: readonly RequestId[],
): { text: string; isAnswered: boolean } {
  const data = lines
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(5).replace(/^ /, ''));
  const message = data.length > 0 ? parsed(data.join('\n')) : undefined;
  const better = mended(message, open);
  const kept =
    better === undefined
      ? lines
      : [...lines.filter((line) => !line.startsWith('data:')), `data: ${stringifyExact(better)}`];
  return { text: `${kept.join('\n')}\n\n`, isAnswered: isAnswer(message) };
}

/** Chunks to lines, whichever of the three line ends they have; a byte order mark at the beginning is none of them. */
function createLines(): (chunk: Uint8Array) => string[] {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  let endedWithReturn = false;
  return (chunk) => {
    let text = decoder.decode(chunk, { stream: true });
    if (endedWithReturn && text.startsWith('\n')) text = text.slice(1);
    endedWithReturn = text.endsWith('\r') || (text === '' && endedWithReturn && chunk.length === 0);
    if (text === '') return [];
    const pieces = text.split(/\r\n|\n|\r/);
    const rest = pieces.pop() ?? '';
    if (pieces.length > 0) {
      pieces[0] = parts.join('') + pieces[0];
      parts = [];
    }
    if (rest !== '') parts.push(rest);
    return pieces;
  };
}
