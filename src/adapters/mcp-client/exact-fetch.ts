import { markedIn, unmarked } from '../../core/exact-json.ts';
import type { NodeFetch } from './node-fetch.ts';

/** Only results with data of their own hold numbers that somebody may need to the last digit. */
const member = 'structuredContent';

/**
 * The protocol client reads and writes JSON itself. What goes out has marks in place of exact numbers, which become numbers
 * here; what comes in gets marks, which `foreignResultOf` reads.
 */
export function createExactFetch(fetch: NodeFetch['fetch']): NodeFetch['fetch'] {
  return async (address, init) => {
    const body = typeof init?.body === 'string' ? { body: unmarked(init.body) } : {};
    const answer = await fetch(address, init && { ...init, ...body });
    const type = answer.headers.get('content-type') ?? '';
    if (!answer.body || !answer.ok) return answer;
    const { status, headers } = answer;
    if (type.includes('text/event-stream'))
      return new Response(answer.body.pipeThrough(markedLines()), { status, headers });
    if (!type.includes('json')) return answer;
    return new Response(markedIn(member, await answer.text()), { status, headers });
  };
}

/** Each event of a stream is a line; the length of one is bounded where it is read. */
function markedLines(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest: string[] = [];
  return new TransformStream({
    transform(chunk, controller) {
      const text = decoder.decode(chunk, { stream: true });
      const end = text.lastIndexOf('\n') + 1;
      if (end === 0) {
        rest.push(text);
        return;
      }
      const lines = `${rest.join('')}${text.slice(0, end)}`;
      rest = [text.slice(end)];
      controller.enqueue(encoder.encode(lines.split('\n').map(markedLine).join('\n')));
    },
    flush(controller) {
      const last = `${rest.join('')}${decoder.decode()}`;
      if (last !== '') controller.enqueue(encoder.encode(markedLine(last)));
    },
  });
}

const markedLine = (line: string): string => markedIn(member, line);
