import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createEventSockets } from '../../../src/adapters/control/event-sockets.ts';
import type { StatusEvent } from '../../../src/ports/status-display.ts';
import { endControls, startControl } from '../../support/control.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const sockets: WebSocket[] = [];
const closers: (() => void)[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  for (const close of closers.splice(0)) close();
  await endControls();
});

function open(url: string, headers: Record<string, string> = {}): { socket: WebSocket; lines: string[] } {
  const socket = new WebSocket(url, { headers });
  sockets.push(socket);
  const lines: string[] = [];
  socket.on('message', (data) => lines.push(String(data)));
  socket.on('error', () => {});
  return { socket, lines };
}

const spoken = (text: string): StatusEvent => ({ type: 'stt', text });

describe('the event stream over WebSocket', () => {
  it('has the lines of --events', async () => {
    const { socketPath, events, control } = await startControl();
    const { socket, lines } = open(`ws+unix://${socketPath}:/v1/events`);
    await once(socket, 'open');
    events.show(spoken('hello'));
    events.show({ type: 'tool.removed', name: 'x', source: 'custom', group: 'installed' });
    await vi.waitFor(() => expect(lines).toHaveLength(2), 5000);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { t: expect.any(Number), type: 'stt', text: 'hello' },
      { t: expect.any(Number), type: 'tool.removed', name: 'x', source: 'custom', group: 'installed' },
    ]);
    expect(lines[0]).toMatch(/^\{"t":\d+,"type":"stt",/);
    const closed = once(socket, 'close');
    await control.close();
    await closed;
  });

  it('is for those who have the token, and not for web pages', async () => {
    const token = 'a-token-of-some-length';
    const { control } = await startControl({ control: { tcp: { port: 0, token } } });
    const url = `ws://127.0.0.1:${control.port}/v1/events`;
    const answerTo = async (headers: Record<string, string>) => {
      const { socket } = open(url, headers);
      return await new Promise<number>((resolve) => {
        socket.once('open', () => resolve(101));
        socket.once('unexpected-response', (_request, { statusCode = 0 }) => resolve(statusCode));
      });
    };
    const authorization = `Bearer ${token}`;
    expect(await answerTo({ authorization })).toBe(101);
    expect(await answerTo({})).toBe(401);
    expect(await answerTo({ authorization, origin: 'http://evil.example' })).toBe(403);
    expect(await answerTo({ authorization, host: 'evil.example' })).toBe(403);
  });

  it('is the only WebSocket there is', async () => {
    const { socketPath } = await startControl();
    const { socket } = open(`ws+unix://${socketPath}:/v1/status`);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(404);
  });
});

/** A server of the stream alone, with the sockets at its end. */
async function openStream() {
  const listeners = new Set<(event: StatusEvent) => void>();
  const subscribe = (listener: (event: StatusEvent) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const events = createEventSockets({ subscribe, clock: new FakeClock(), startMs: 0 });
  const server = createServer().listen(0, '127.0.0.1');
  server.on('upgrade', events.accept);
  await once(server, 'listening');
  closers.push(() => {
    events.close();
    server.close();
  });
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const show = (event: StatusEvent) => {
    for (const tell of listeners) tell(event);
  };
  return { events, url, listeners, show };
}

describe('readers', () => {
  it('that do not read are cut, counted, and in nobody’s way', async () => {
    const { events, url, show, listeners } = await openStream();
    const [slow, quick] = [open(url), open(url)];
    await Promise.all([once(slow.socket, 'open'), once(quick.socket, 'open')]);
    (slow.socket as unknown as { _socket: Socket })._socket.pause();
    let shown = 0;
    await vi.waitFor(
      () => {
        show(spoken('x'.repeat(100_000)));
        shown += 1;
        expect(events.counters).toEqual({ readers: 1, cut: 1, refused: 0 });
      },
      { timeout: 15_000, interval: 5 },
    );
    await vi.waitFor(() => expect(quick.lines).toHaveLength(shown), 5000);
    expect(listeners.size).toBe(1);
    quick.socket.close();
    await vi.waitFor(() => expect(listeners.size).toBe(0), 5000);
  });

  it('are sixteen at most', async () => {
    const { events, url } = await openStream();
    const all = Array.from({ length: 16 }, () => open(url));
    await Promise.all(all.map(({ socket }) => once(socket, 'open')));
    const { socket } = open(url);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(503);
    expect(events.counters).toEqual({ readers: 16, cut: 0, refused: 1 });
  });

  it('that send large messages are thrown out', async () => {
    const { events, url } = await openStream();
    const { socket } = open(url);
    await once(socket, 'open');
    socket.send('x'.repeat(100_000));
    await once(socket, 'close');
    await vi.waitFor(() => expect(events.counters.readers).toBe(0), 5000);
  });
});
