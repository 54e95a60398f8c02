import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createVisionUpload } from '../../../src/adapters/tools/vision-upload.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const jpeg = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0x0d, 0x0a]);
const running: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const { server, sockets } of running.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Answers each request, once all of it has come, with these bytes; none leaves it waiting. */
async function service(answer?: string) {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let bytes = '';
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    socket.on('data', (chunk: string) => {
      bytes += chunk;
      if (!bytes.endsWith('0\r\n\r\n')) return;
      received.push(bytes);
      if (answer !== undefined) socket.end(answer);
    });
  });
  running.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/vision/explain?a=1`, received };
}

const http = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const never = new AbortController().signal;
const identity = { deviceId: '02:00:00:00:00:01', clientId: 'c1' };
const upload = createVisionUpload({ ...identity, clock: monotonicClock });

it('sends the very request of the firmware and returns the body unchanged', async () => {
  const { url, received } = await service(http('200 OK', ' {"response":"猫"}\n'));
  const text = await upload.explain({ url, token: 'abc', jpeg, question: '这是什么?' }, never);
  expect(text).toBe(' {"response":"猫"}\n');
  const [head = '', ...rest] = (received[0] ?? '').split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  expect(head.split('\r\n')).toEqual([
    'POST /vision/explain?a=1 HTTP/1.1',
    'Device-Id: 02:00:00:00:00:01',
    'Client-Id: c1',
    'Authorization: Bearer abc',
    'Content-Type: multipart/form-data; boundary=----ESP32_CAMERA_BOUNDARY',
    'Transfer-Encoding: chunked',
    expect.stringMatching(/^Host: 127\.0\.0\.1:\d+$/),
    'Connection: close',
  ]);
  expect(Buffer.from(unchunked(body), 'latin1').toString('latin1')).toBe(
    [
      '------ESP32_CAMERA_BOUNDARY',
      'Content-Disposition: form-data; name="question"',
      '',
      Buffer.from('这是什么?').toString('latin1'),
      '------ESP32_CAMERA_BOUNDARY',
      'Content-Disposition: form-data; name="file"; filename="camera.jpg"',
      'Content-Type: image/jpeg',
      '',
      Buffer.from(jpeg).toString('latin1'),
      '------ESP32_CAMERA_BOUNDARY--',
      '',
    ].join('\r\n'),
  );
});

it('sends no Authorization without a token', async () => {
  const { url, received } = await service(http('200 OK', ''));
  await upload.explain({ url, token: '', jpeg, question: '' }, never);
  expect(received[0]).not.toContain('Authorization');
});

it.each([
  ['Failed to upload photo, status code: 500', http('500 Internal Server Error', 'secret details')],
  ['Failed to upload photo', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'],
  ['Failed to upload photo', http('200 OK', 'x'.repeat(300_000))],
  ['Failed to connect to explain URL', 'not HTTP at all\r\n\r\n'],
])('says "%s" to an answer that is none', async (message, answer) => {
  const { url } = await service(answer);
  await expect(upload.explain({ url, token: '', jpeg, question: '' }, never)).rejects.toMatchObject({
    code: 'TOOL_FAILED',
    message,
  });
});

it.each(['http://127.0.0.1:1/', 'ftp://x/', 'nonsense', ''])('cannot connect to %j', async (url) => {
  await expect(upload.explain({ url, token: 'a\nb', jpeg, question: '' }, never)).rejects.toMatchObject({
    message: 'Failed to connect to explain URL',
  });
});

it('gives up after 30 s without an answer', async () => {
  const { url, received } = await service();
  const clock = new FakeClock();
  const answer = createVisionUpload({ ...identity, clock })
    .explain({ url, token: '', jpeg, question: '' }, never)
    .catch((error: Error) => error.message);
  while (received.length === 0) await new Promise(setImmediate);
  clock.advance(30_000);
  expect(await answer).toBe('Failed to connect to explain URL');
  expect(clock.pendingTimers).toBe(0);
});

it('ends at once when the call is cancelled', async () => {
  const { url, received } = await service();
  const abort = new AbortController();
  const answer = upload.explain({ url, token: '', jpeg, question: '' }, abort.signal);
  answer.catch(() => {});
  while (received.length === 0) await new Promise(setImmediate);
  abort.abort(new Error('enough'));
  await settle();
  await expect(answer).rejects.toThrow('enough');
});

function unchunked(body: string): string {
  let text = '';
  for (let rest = body; rest !== ''; ) {
    const end = rest.indexOf('\r\n');
    const length = Number.parseInt(rest.slice(0, end), 16);
    text += rest.slice(end + 2, end + 2 + length);
    rest = rest.slice(end + 2 + length + 2);
  }
  return text;
}
