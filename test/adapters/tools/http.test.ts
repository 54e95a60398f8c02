import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import type { ToolRunner } from '../../../src/adapters/tools/runner.ts';
import { closeHttpServers, mirror, serveHttp } from '../../support/http-peer.ts';
import { call, failureOf, runnerFor } from '../../support/tool-runner.ts';

const runners: ToolRunner[] = [];

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.dispose()));
  await closeHttpServers();
});

function http(tool: Record<string, unknown>): ToolRunner {
  const runner = runnerFor({ type: 'http', ...tool });
  runners.push(runner);
  return runner;
}

test('GET puts the arguments into the query, those in the path percent-encoded', async () => {
  const runner = http({ method: 'GET', url: `${await serveHttp(mirror)}/{city}/now?unit=c` });
  expect(await call(runner, { city: 'a/b ü', days: 2, list: ['x', 'y'] })).toEqual({
    kind: 'json',
    value: { method: 'GET', url: '/a%2Fb%20%C3%BC/now?unit=c&days=2&list=x&list=y', body: '' },
  });
});

test('POST, which is meant when nothing is said, sends JSON or a form', async () => {
  const url = await serveHttp(mirror);
  expect(await call(http({ url: `${url}/{id}` }), { id: 7, on: true })).toEqual({
    kind: 'json',
    value: { method: 'POST', url: '/7', type: 'application/json', body: '{"on":true}' },
  });
  expect(await call(http({ url, method: 'POST', body: 'form' }), { a: 'x y', b: 1 })).toEqual({
    kind: 'json',
    value: { method: 'POST', url: '/', type: 'application/x-www-form-urlencoded', body: 'a=x+y&b=1' },
  });
});

test('headers and credentials arrive', async () => {
  const url = await serveHttp(({ headers }, response) =>
    response.end(`${headers['x-a']} ${headers.authorization}`),
  );
  const withAuth = (auth: unknown) => call(http({ url, headers: { 'X-A': 'a' }, auth }));
  expect(await withAuth({ type: 'bearer', token: 't' })).toEqual({ kind: 'text', text: 'a Bearer t' });
  expect(await withAuth({ type: 'basic', username: 'u', password: 'p' })).toEqual({
    kind: 'text',
    text: 'a Basic dTpw',
  });
  expect(await withAuth({ type: 'header', name: 'authorization', value: 'Key k' })).toEqual({
    kind: 'text',
    text: 'a Key k',
  });
});

test('a status from 400 is an error with what the server said, without our secrets', async () => {
  const url = await serveHttp(({ headers }, response) => {
    response.statusCode = 403;
    response.end(`no entry\nfor ${headers.authorization}`);
  });
  const runner = http({ url, auth: { type: 'bearer', token: 'hush-hush' } });
  expect(await failureOf(call(runner))).toBe(
    'TOOL_FAILED The tool probe failed: the server answered with HTTP status 403: no entry for Bearer ••••.',
  );
});

test('an error page in HTML is not read out', async () => {
  const url = await serveHttp((_, response) =>
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Oh'),
  );
  expect(await failureOf(call(http({ url })))).toBe(
    'TOOL_FAILED The tool probe failed: the server answered with HTTP status 502.',
  );
});

test('a redirect is not followed, and the error names its target without the query', async () => {
  const url = await serveHttp((_, response) =>
    response.writeHead(302, { location: '/login?token=hush' }).end(),
  );
  expect(await failureOf(call(http({ url })))).toBe(
    `TOOL_FAILED The tool probe failed: the server redirects to ${url}/login; put that address into its url.`,
  );
});

test('an endless answer is cut off at the limit', async () => {
  const url = await serveHttp((_, response) => {
    const chunk = Buffer.alloc(65_536, 'x');
    const pump = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', pump);
    pump();
  });
  expect(await failureOf(call(http({ url })))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it is larger than 2097152 bytes.',
  );
});

test('a small answer that unpacks to a huge one is cut off, too', async () => {
  const packed = gzipSync(Buffer.alloc(50_000_000));
  const url = await serveHttp((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
  );
  expect(await failureOf(call(http({ url })))).toContain('it is larger than 2097152 bytes');
});

test('a compressed answer is read', async () => {
  const packed = gzipSync('{"a":1}');
  const url = await serveHttp((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed),
  );
  expect(await call(http({ url }))).toEqual({ kind: 'json', value: { a: 1 } });
});

test('an answer that breaks off is an error', async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => response.destroy());
  });
  expect(await failureOf(call(http({ url })))).toBe(
    'TOOL_UNREACHABLE The tool probe cannot be reached: it closed the connection.',
  );
});

test('nobody listening is an error that says so', async () => {
  expect(await failureOf(call(http({ url: 'http://127.0.0.1:1/' })))).toBe(
    'TOOL_UNREACHABLE The tool probe cannot be reached: nothing is listening there.',
  );
});

test('an abort closes the connection of a server that hangs', async () => {
  let asked = () => {};
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let gone: Promise<unknown> | undefined;
  const url = await serveHttp((request) => {
    gone = once(request.socket, 'close');
    asked();
  });
  const abort = new AbortController();
  const work = failureOf(call(http({ url }), {}, abort.signal));
  await arrived;
  abort.abort();
  expect(await work).toBe('TOOL_CANCELLED The tool probe was stopped before it had finished.');
  await gone;
});

test('the connection is kept for the next call', async () => {
  const ports = new Set<number | undefined>();
  const url = await serveHttp(({ socket }, response) => {
    ports.add(socket.remotePort);
    response.end('ok');
  });
  const runner = http({ url });
  for (let n = 0; n < 5; n++) await call(runner);
  expect(ports.size).toBe(1);
});

test('a kept connection that the server has closed meanwhile costs no call', async () => {
  let requests = 0;
  const url = await serveHttp(({ socket }, response) => {
    requests += 1;
    // The second request finds the door shut after it has been sent.
    if (requests === 2) socket.destroy();
    else response.end(`answer ${requests}`);
  });
  const runner = http({ method: 'GET', url });
  expect(await call(runner)).toEqual({ kind: 'text', text: 'answer 1' });
  expect(await call(runner)).toEqual({ kind: 'text', text: 'answer 3' });
});

test('resultPath picks a part of the answer', async () => {
  const url = await serveHttp((_, response) =>
    response.end('{"data":{"items":[{"title":"Rain"}],"n":null}}'),
  );
  const at = (resultPath: string) => call(http({ url, resultPath }));
  expect(await at('data.items.0.title')).toEqual({ kind: 'text', text: 'Rain' });
  expect(await at('data.n')).toEqual({ kind: 'json', value: null });
  expect(await failureOf(at('data.items.1.title'))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: the answer holds nothing at data.items.1.title.',
  );
  expect(await failureOf(at('constructor'))).toContain('holds nothing');
});

test('a picture is a picture, text comes in the encoding the server names', async () => {
  const image = await serveHttp((_, response) => {
    response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([1, 0, 255]));
  });
  expect(await call(http({ url: image }))).toEqual({ kind: 'image', base64: 'AQD/', mimeType: 'image/png' });
  const gbk = await serveHttp((_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=GBK' }).end(Buffer.from([0xc4, 0xe3]));
  });
  expect(await call(http({ url: gbk }))).toEqual({ kind: 'text', text: '你' });
});
