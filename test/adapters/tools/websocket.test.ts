import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { RunnerDeps, ToolRunner } from '../../../src/adapters/tools/runner.ts';
import { WebSocketLink } from '../../../src/adapters/tools/websocket-link.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { call, failureOf, runnerDeps, runnerFor } from '../../support/tool-runner.ts';

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

type Answer = (socket: WebSocket, request: Request) => void;

const servers: WebSocketServer[] = [];
const runners: ToolRunner[] = [];

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.dispose()));
  for (const server of servers.splice(0)) await shut(server);
});

async function serve(answer: Answer, port = 0) {
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  servers.push(server);
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('message', (data) => answer(socket, JSON.parse(data.toString()) as Request));
  });
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/tools?token=hush-hush`;
  return { server, url, connections: () => connections };
}

async function shut(server: WebSocketServer): Promise<void> {
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
}

function webSocket(
  url: string,
  more: Record<string, unknown> = {},
  deps: RunnerDeps = runnerDeps(),
): ToolRunner {
  const runner = runnerFor({ type: 'websocket', url, ...more }, deps);
  runners.push(runner);
  return runner;
}

const reply = (socket: WebSocket, id: number, result: unknown) =>
  socket.send(JSON.stringify({ jsonrpc: '2.0', id, result }));

test('calls in flight at the same time get their own answers, whatever their order', async () => {
  const waiting: (() => void)[] = [];
  const { url, connections } = await serve((socket, { id, params }) => {
    waiting.push(() => reply(socket, id, params));
    if (waiting.length === 50) for (const answer of waiting.reverse()) answer();
  });
  const runner = webSocket(url);
  const outputs = await Promise.all(Array.from({ length: 50 }, (_, n) => call(runner, { n })));
  expect(outputs).toEqual(Array.from({ length: 50 }, (_, n) => ({ kind: 'json', value: { n } })));
  expect(connections()).toBe(1);
});

test('the method is the one configured, else the name of the tool; tools with one URL share a connection', async () => {
  const { url, connections } = await serve((socket, { id, method }) => reply(socket, id, method));
  const deps = runnerDeps();
  const [first, second] = [webSocket(url, {}, deps), webSocket(url, { method: 'lamp.on' }, deps)];
  expect(await Promise.all([call(first), call(second)])).toEqual([
    { kind: 'text', text: 'probe' },
    { kind: 'text', text: 'lamp.on' },
  ]);
  await first.dispose();
  expect(await call(second)).toEqual({ kind: 'text', text: 'lamp.on' });
  expect(connections()).toBe(1);
});

test('a connection that closes in a call fails it; the next call connects again', async () => {
  let calls = 0;
  const { url, connections } = await serve((socket, { id }) => {
    calls += 1;
    if (calls === 1) socket.close(1011);
    else reply(socket, id, 'back');
  });
  const runner = webSocket(url);
  expect(await failureOf(call(runner))).toBe(
    'TOOL_UNREACHABLE The tool probe cannot be reached: it closed the connection (close code 1011).',
  );
  expect(await call(runner)).toEqual({ kind: 'text', text: 'back' });
  expect(connections()).toBe(2);
});

test('while nobody listens each call fails with a reason, with growing waits between the attempts', async () => {
  const { server, url } = await serve(() => {});
  await shut(server);
  const clock = new FakeClock();
  const runner = webSocket(url, {}, { ...runnerDeps(), clock });
  const words = 'TOOL_UNREACHABLE The tool probe cannot be reached: nothing is listening there.';
  expect(await failureOf(call(runner))).toBe(words);
  for (const longestMs of [300, 600, 1200]) {
    const again = failureOf(call(runner));
    await clock.advanceAsync(longestMs * 0.6);
    expect(clock.pendingTimers).toBe(1);
    await clock.advanceAsync(longestMs * 0.4);
    expect(clock.pendingTimers).toBe(0);
    expect(await again).toBe(words);
  }
});

test('what is no JSON-RPC fails the calls that wait; errors carry the words of the server and no secret', async () => {
  const { url } = await serve((socket, { id, params }) => {
    if (params.broken) socket.send('hello token hush-hush');
    else socket.send(JSON.stringify({ id, error: { message: 'no lamp' } }));
  });
  const runner = webSocket(url);
  expect(await failureOf(call(runner, { broken: true }))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it did not answer with JSON-RPC but "hello token ••••".',
  );
  expect(await failureOf(call(runner))).toBe('TOOL_FAILED The tool probe failed: no lamp.');
});

test('an answer that is too large is an error', async () => {
  const { url } = await serve((socket, { id }) => reply(socket, id, 'x'.repeat(3_000_000)));
  expect(await failureOf(call(webSocket(url)))).toContain('larger than 2097152 bytes');
});

test('an aborted call ends at once, its late answer disturbs nobody', async () => {
  const abort = new AbortController();
  let late = () => {};
  const { url } = await serve((socket, { id, params }) => {
    if (params.slow) {
      late = () => reply(socket, id, 'late');
      abort.abort();
    } else {
      late();
      reply(socket, id, 'mine');
    }
  });
  const runner = webSocket(url);
  expect(await failureOf(call(runner, { slow: true }, abort.signal))).toBe(
    'TOOL_CANCELLED The tool probe was stopped before it had finished.',
  );
  expect(await call(runner)).toEqual({ kind: 'text', text: 'mine' });
});

test('a quiet connection is closed after a minute and made again on the next call', async () => {
  const { server, url, connections } = await serve((socket, { id }) => reply(socket, id, 'ok'));
  const clock = new FakeClock();
  const runner = webSocket(url, {}, { ...runnerDeps(), clock });
  await call(runner);
  const [socket] = server.clients;
  if (!socket) throw new Error('no connection');
  const closed = once(socket, 'close');
  for (let minuteThird = 0; minuteThird < 2; minuteThird++) {
    clock.advance(20_000);
    // After two round trips the client has heard the answer to its ping.
    for (let trip = 0; trip < 2; trip++) {
      socket.ping();
      await once(socket, 'pong');
    }
  }
  clock.advance(20_000);
  expect((await closed)[0]).toBe(1000);
  await call(runner);
  expect(connections()).toBe(2);
});

test('a peer that answers no ping is given up, and the calls that wait fail', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false });
  servers.push(server);
  await once(server, 'listening');
  const arrived = new Promise<void>((resolve) => {
    server.on('connection', (socket) => socket.on('message', () => resolve()));
  });
  const clock = new FakeClock();
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const work = failureOf(call(webSocket(url, {}, { ...runnerDeps(), clock })));
  await arrived;
  clock.advance(20_000);
  expect(await work).toBe(
    'TOOL_UNREACHABLE The tool probe cannot be reached: it closed the connection (close code 1006).',
  );
});

test('dispose fails the calls that wait and closes the connection', async () => {
  const { server, url } = await serve(() => {});
  const runner = webSocket(url);
  const connection = once(server, 'connection');
  const work = failureOf(call(runner));
  const [socket] = (await connection) as [WebSocket];
  const closed = once(socket, 'close');
  await runner.dispose();
  expect(await work).toContain('TOOL_CANCELLED');
  await closed;
});

test('a server that floods is read no faster than any other peer', async () => {
  const clock = new FakeClock();
  let strays = 0;
  const { url } = await serve((socket, { id }) => {
    for (let n = 0; n < 5000; n++) reply(socket, 1_000_000 + n, 'x');
    reply(socket, id, 'done');
  });
  const logger = { ...silentLogger, debug: () => (strays += 1) };
  const link = new WebSocketLink({ url, headers: {}, maxMessageBytes: 65_536, clock, logger });
  const answer = link.call('talk', {}, new AbortController().signal);
  await vi.waitFor(() => expect(strays).toBeGreaterThanOrEqual(50));
  expect(strays).toBeLessThan(60);
  // What comes after it is not lost: it waits its turn.
  let isAnswered = false;
  void answer.then(() => {
    isAnswered = true;
  });
  while (!isAnswered) {
    await clock.advanceAsync(1);
    await new Promise(setImmediate);
  }
  await expect(answer).resolves.toMatchObject({ result: 'done' });
  await link.end();
});
