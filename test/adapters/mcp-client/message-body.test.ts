import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { messageBody } from '../../../src/adapters/mcp-client/message-body.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const change = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} });

/** What of a stream of these events can be read, and when. */
async function stream(events: readonly string[], chunkBytes = 1_000_000) {
  const clock = new FakeClock();
  const bytes = new TextEncoder().encode(events.join(''));
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += chunkBytes)
        controller.enqueue(bytes.subarray(at, at + chunkBytes));
      controller.close();
    },
  });
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  const { body: mended } = await messageBody(response, [], clock);
  const read: string[] = [];
  const reader = mended?.getReader();
  const done = (async () => {
    for (;;) {
      const next = await reader?.read();
      if (next?.done !== false) return;
      read.push(new TextDecoder().decode(next.value));
    }
  })();
  const pass = async (ms: number) => {
    await nextTurn();
    clock.advance(ms);
    await nextTurn();
  };
  return { pass, read, done };
}

describe('a stream of events', () => {
  it('is read no faster than its budget', async () => {
    const { pass, read, done } = await stream(Array.from({ length: 35 }, () => `data: ${change}\n\n`));
    await pass(9);
    expect(read).toHaveLength(10);
    await pass(1);
    expect(read).toHaveLength(20);
    await pass(10);
    await pass(10);
    await done;
    expect(read).toHaveLength(35);
  });

  it('is read no faster when it says nothing', async () => {
    const { pass, read } = await stream([':\n\n'.repeat(1000), `data: ${change}\n\n`]);
    await pass(9);
    expect(read).toEqual([]);
    for (let ms = 0; ms < 60; ms += 10) await pass(10);
    expect(read).toHaveLength(1);
  });

  it('ends with an event that has no end, in whatever lines', async () => {
    const { pass, done } = await stream(['data:x\n'.repeat(60_000)], 64 * 1024);
    const ended = expect(done).rejects.toThrow('an event without end');
    for (let ms = 0; ms < 2000; ms += 10) await pass(10);
    await ended;
  });

  it('may hold many answers', async () => {
    const { pass, read } = await stream(Array.from({ length: 35 }, () => `data: ${answer}\n\n`));
    await pass(1);
    expect(read).toHaveLength(35);
  });

  it.each([1, 2, 3, 7])(
    'is understood in pieces of %i bytes, whatever ends its lines',
    async (chunkBytes) => {
      const events = [
        `\ufeffid: 1\r\ndata: ${answer}\r\n\r\n`,
        ': nothing\n\n',
        `event: message\rdata: ${change}\r\r`,
        'data: 北\ndata: 京\n\n',
      ];
      const { pass, read, done } = await stream(events, chunkBytes);
      await pass(1000);
      await done;
      expect(read).toEqual([
        `id: 1\ndata: ${answer}\n\n`,
        `event: message\ndata: ${change}\n\n`,
        'data: 北\ndata: 京\n\n',
      ]);
    },
  );
});

describe('an answer of one message', () => {
  const read = async (body: string, type: string) => {
    const response = new Response(body, { headers: { 'content-type': type } });
    const mended = await messageBody(response, [1], new FakeClock());
    return [mended.headers.get('content-type'), await mended.text()];
  };

  it('is one whatever its type says, as that of PHP does', async () => {
    expect(await read(answer, 'text/html; charset=UTF-8')).toEqual(['application/json', answer]);
    expect(await read(answer, 'text/plain')).toEqual(['application/json', answer]);
  });

  it('is none when it is a page', async () => {
    expect(await read('<html>', 'text/html')).toEqual(['text/html', '<html>']);
  });
});
