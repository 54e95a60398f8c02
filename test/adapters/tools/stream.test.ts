import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { encodeFrame } from '../../../src/adapters/tools/frame-reader.ts';
import type { ToolRunner } from '../../../src/adapters/tools/runner.ts';
import { call, failureOf, runnerFor } from '../../support/tool-runner.ts';

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** Answers each connection's first bytes; `path` makes it a unix socket. */
async function serve(answer: (socket: Socket, request: Buffer) => void, path?: string): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (request) => answer(socket, request));
  });
  servers.push(server);
  await once(path === undefined ? server.listen(0, '127.0.0.1') : server.listen(path), 'listening');
  return path ?? `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const tcp = (address: string, more: Record<string, unknown> = {}): ToolRunner =>
  runnerFor({ type: 'tcp', address, ...more });

test('a line of JSON goes out, a line comes back, in as many pieces as it likes', async () => {
  const requests: string[] = [];
  const address = await serve(async (socket, request) => {
    requests.push(request.toString());
    const answer = Buffer.from(`${JSON.stringify({ text: 'ü'.repeat(5000) })}\n`);
    // Also cuts characters in half.
    for (let at = 0; at < answer.length; at += 1001) {
      socket.write(answer.subarray(at, at + 1001));
      await new Promise(setImmediate);
    }
  });
  expect(await call(tcp(address), { a: 1 })).toEqual({ kind: 'json', value: { text: 'ü'.repeat(5000) } });
  expect(requests).toEqual(['{"a":1}\n']);
});

test('a unix socket works the same, with frames that carry their length', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'tools-')), 'tool.sock');
  await serve((socket, request) => {
    expect(request).toEqual(encodeFrame('{"a":1}', 'length'));
    socket.write(encodeFrame('line one\nline two', 'length'));
  }, path);
  const runner = runnerFor({ type: 'unix', path, framing: 'length' });
  expect(await call(runner, { a: 1 })).toEqual({ kind: 'text', text: 'line one\nline two' });
});

test('with a method it is JSON-RPC; notifications and other ids before the answer are passed over', async () => {
  const address = await serve((socket, request) => {
    expect(JSON.parse(request.toString())).toEqual({
      jsonrpc: '2.0',
      id: 1,
      method: 'light.set',
      params: { on: true },
    });
    socket.write('{"jsonrpc":"2.0","method":"progress"}\n{"jsonrpc":"2.0","id":9,"result":"other"}\n');
    socket.write('{"jsonrpc":"2.0","id":1,"result":"done"}\n');
  });
  expect(await call(tcp(address, { method: 'light.set' }), { on: true })).toEqual({
    kind: 'text',
    text: 'done',
  });
});

test('a JSON-RPC error is an error with its words', async () => {
  const address = await serve((socket) => {
    socket.write('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"lamp is broken"}}\n');
  });
  expect(await failureOf(call(tcp(address, { method: 'x' })))).toBe(
    'TOOL_FAILED The tool probe failed: lamp is broken.',
  );
});

test('JSON without its line end counts when the peer closes; half of it does not', async () => {
  const whole = await serve((socket) => socket.end('{"a":1}'));
  expect(await call(tcp(whole))).toEqual({ kind: 'json', value: { a: 1 } });
  const half = await serve((socket) => socket.end('{"a":'));
  expect(await failureOf(call(tcp(half)))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it closed the connection in the middle of its answer.',
  );
  const halfFrame = await serve((socket) => socket.end(encodeFrame('{"a":1}', 'length').subarray(0, 8)));
  expect(await failureOf(call(tcp(halfFrame, { framing: 'length' })))).toContain(
    'in the middle of its answer',
  );
});

test('no answer, an endless one and a binary one are errors', async () => {
  const none = await serve((socket) => socket.end());
  expect(await failureOf(call(tcp(none)))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it closed the connection without an answer.',
  );
  const endless = await serve((socket) => {
    const chunk = Buffer.alloc(65_536, 'x');
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pump);
    pump();
  });
  expect(await failureOf(call(tcp(endless)))).toContain('larger than 2097152 bytes');
  const binary = await serve((socket) => socket.write(Buffer.from([0, 1, 0, 0x0a])));
  expect(await failureOf(call(tcp(binary)))).toContain('it sent binary data instead of text');
});

test('nobody there is an error that says so', async () => {
  expect(await failureOf(call(tcp('127.0.0.1:1')))).toBe(
    'TOOL_UNREACHABLE The tool probe cannot be reached: nothing is listening there.',
  );
  expect(await failureOf(call(runnerFor({ type: 'unix', path: 'none.sock' })))).toBe(
    'TOOL_UNREACHABLE The tool probe cannot be reached: there is no such socket.',
  );
});

test('an abort closes the connection of a server that hangs', async () => {
  let closed: Promise<unknown> | undefined;
  let asked = () => {};
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const address = await serve((socket) => {
    closed = once(socket, 'close');
    asked();
  });
  const abort = new AbortController();
  const work = failureOf(call(tcp(address), {}, abort.signal));
  await arrived;
  abort.abort();
  expect(await work).toBe('TOOL_CANCELLED The tool probe was stopped before it had finished.');
  await closed;
});

test('what a program says line by line is heard to its end: it hangs up, a JSON value is whole, or it falls silent', async () => {
  const closes = await serve((socket) => {
    socket.write('one\ntwo\n');
    setImmediate(() => socket.end('three'));
  });
  expect(await call(tcp(closes))).toEqual({ kind: 'text', text: 'one\ntwo\nthree' });
  const json = await serve((socket) => {
    socket.write('{"a":\n1,\n');
    setImmediate(() => socket.write('"b":2}\n'));
  });
  expect(await call(tcp(json, { readIdleMs: 60_000 }))).toEqual({ kind: 'json', value: { a: 1, b: 2 } });
  const silent = await serve((socket) => socket.write('line one\nline two\n'));
  expect(await call(tcp(silent, { readIdleMs: 20 }))).toEqual({ kind: 'text', text: 'line one\nline two' });
});

test('read says where an answer ends', async () => {
  const address = await serve((socket) => socket.end('{"a":1}\n{"b":2}\nmore\n'));
  expect(await call(tcp(address, { read: 'line' }))).toEqual({ kind: 'json', value: { a: 1 } });
  expect(await call(tcp(address, { read: 'close' }))).toEqual({
    kind: 'text',
    text: '{"a":1}\n{"b":2}\nmore',
  });
});

test('half a JSON value is a failure, and nothing at all as well', async () => {
  const half = await serve((socket) => socket.end('{"a":'));
  expect(await failureOf(call(tcp(half)))).toContain('it closed the connection in the middle of its answer');
  const nothing = await serve((socket) => socket.end());
  expect(await failureOf(call(tcp(nothing)))).toContain('it closed the connection without an answer');
});

test('an answer in another encoding is read as it says', async () => {
  const address = await serve((socket) => socket.end(Buffer.from('cec2b6c8', 'hex')));
  expect(await call(tcp(address, { encoding: 'gb18030' }))).toEqual({ kind: 'text', text: '温度' });
});
