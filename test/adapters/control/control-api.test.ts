import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toldOf } from '../../../src/adapters/control/failure.ts';
import { refusalOf } from '../../../src/adapters/control/guard.ts';
import { toClientError } from '../../../src/core/errors.ts';
import { endControls, freshDirectory, startControl } from '../../support/control.ts';
import { requestControl } from '../../support/control-request.ts';
import { tool } from '../../support/mcp-parts.ts';

afterEach(endControls);

const token = 'a-token-of-some-length';
const tcp = { tcp: { port: 0, token } };
const bearer = { authorization: `Bearer ${token}` };

describe('the unix socket', () => {
  it('lets only its owner in, and is gone when the device is', async () => {
    const { socketPath, close } = await startControl();
    expect(lstatSync(socketPath).mode & 0o777).toBe(0o600);
    await close();
    expect(existsSync(socketPath)).toBe(false);
  });

  it('makes its directory for the owner only', async () => {
    const socket = join(freshDirectory(), 'run', 'control.sock');
    await startControl({ control: { socket } });
    expect(statSync(join(socket, '..')).mode & 0o777).toBe(0o700);
  });

  it('replaces what a killed device has left', async () => {
    const directory = freshDirectory();
    const left = `require('node:net').createServer().listen(${JSON.stringify(join(directory, 'control.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', left]);
    expect(existsSync(join(directory, 'control.sock'))).toBe(true);
    const { ask, problems } = await startControl({ directory });
    expect(await ask('GET', '/v1/health')).toEqual({ status: 'ok' });
    expect(problems).toEqual([]);
  });

  it('leaves a living one alone: a clear error, and the device goes on without', async () => {
    const directory = freshDirectory();
    const other = createServer((socket) => socket.end()).listen(join(directory, 'control.sock'));
    await once(other, 'listening');
    const { problems } = await startControl({ directory });
    expect(problems).toEqual([
      expect.objectContaining({
        code: 'CONTROL_UNAVAILABLE',
        message: expect.stringContaining('another program listens there'),
      }),
    ]);
    other.close();
  });

  it('does not touch a file that is no socket', async () => {
    const directory = freshDirectory();
    writeFileSync(join(directory, 'control.sock'), 'mine');
    const { problems } = await startControl({ directory });
    expect(problems).toMatchObject([{ code: 'CONTROL_UNAVAILABLE' }]);
    expect(readFileSync(join(directory, 'control.sock'), 'utf8')).toBe('mine');
  });
});

describe('TCP', () => {
  it('is not there unless it is configured', async () => {
    expect((await startControl()).control.port).toBeUndefined();
  });

  it('listens on loopback, for those who have the token', async () => {
    const port = (await startControl({ control: tcp })).control.port ?? 0;
    expect(await requestControl({ port }, 'GET', '/v1/status', { headers: bearer })).toMatchObject({
      status: 200,
    });
    for (const authorization of ['', 'Bearer', `Bearer ${token}x`, `Basic ${token}`]) {
      const answer = await requestControl({ port }, 'GET', '/v1/status', { headers: { authorization } });
      expect(answer).toMatchObject({ status: 401, json: { error: { code: 'UNAUTHORIZED' } } });
      expect(answer.text).not.toContain(token);
    }
  });

  it('tells anybody that the device lives, and nothing else', async () => {
    const port = (await startControl({ control: tcp })).control.port ?? 0;
    expect(await requestControl({ port }, 'GET', '/v1/health')).toMatchObject({ json: { status: 'ok' } });
    for (const path of ['/v1/openapi.json', '/v1/metrics', '/v1/mcp', '/', '/v1/health/../status'])
      expect((await requestControl({ port }, 'GET', path)).status).toBe(401);
  });

  it('reports a port that is taken, and the socket works all the same', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { ask, problems } = await startControl({ control: { tcp: { port, token } } });
    expect(problems).toMatchObject([{ code: 'CONTROL_UNAVAILABLE' }]);
    expect(await ask('GET', '/v1/health')).toEqual({ status: 'ok' });
    other.close();
  });
});

describe('a hostile page in a browser', () => {
  it('is refused by its origin, whatever it asks for and however it got the token', async () => {
    const { control } = await startControl({ control: tcp, tools: [tool({ name: 'x' })] });
    const port = control.port ?? 0;
    for (const origin of [
      'http://evil.example',
      'null',
      `http://127.0.0.1:${port + 1}`,
      `https://127.0.0.1:${port}`,
    ]) {
      const asked = { headers: { ...bearer, origin }, body: {} };
      for (const path of ['/v1/tools/x/call', '/v1/mcp', '/v1/mounts'])
        expect(await requestControl({ port }, 'POST', path, asked)).toMatchObject({
          status: 403,
          json: { error: { code: 'FORBIDDEN_ORIGIN' } },
        });
    }
  });

  it('gets no CORS permission, not even for a preflight', async () => {
    const { control } = await startControl({ control: tcp });
    const headers = { origin: 'http://evil.example', 'access-control-request-method': 'POST' };
    const answer = await requestControl({ port: control.port ?? 0 }, 'OPTIONS', '/v1/tools', { headers });
    expect(answer.status).toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('cannot come in under a name of its own (DNS rebinding)', async () => {
    const { control } = await startControl({ control: tcp });
    const port = control.port ?? 0;
    const refused = { status: 403, json: { error: { code: 'FORBIDDEN_HOST' } } };
    for (const host of [`evil.example:${port}`, 'evil.example', 'localhost.evil.example'])
      expect(
        await requestControl({ port }, 'GET', '/v1/health', { headers: { host, ...bearer } }),
      ).toMatchObject(refused);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST'])
      expect((await requestControl({ port }, 'GET', '/v1/health', { headers: { host } })).status).toBe(200);
  });

  it('may be allowed a name by the user', async () => {
    const { control } = await startControl({
      control: { tcp: { ...tcp.tcp, allowedHosts: ['Speaker.lan'] } },
    });
    const headers = { host: 'speaker.lan:80' };
    expect((await requestControl({ port: control.port ?? 0 }, 'GET', '/v1/health', { headers })).status).toBe(
      200,
    );
  });

  it('cannot send what needs no preflight: text, forms, no type at all', async () => {
    const { socketPath } = await startControl({ tools: [tool({ name: 'x' })] });
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/jsonx',
    ])
      expect(
        await requestControl({ socketPath }, 'POST', '/v1/tools/x/call', {
          headers: { 'content-type': type },
          body: '{}',
        }),
      ).toMatchObject({ status: 415, json: { error: { code: 'UNSUPPORTED_MEDIA_TYPE' } } });
  });
});

describe('those who keep connections open', () => {
  it('and say nothing do not keep others out', async () => {
    const { control } = await startControl({ control: tcp });
    const port = control.port ?? 0;
    const idle = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        await once(socket, 'connect');
        return socket;
      }),
    );
    expect((await requestControl({ port }, 'GET', '/v1/status', { headers: bearer })).status).toBe(200);
    for (const socket of idle) socket.destroy();
  });

  it('are told the port that was taken for them', async () => {
    const { control, ask } = await startControl({ control: tcp });
    expect(await ask('GET', '/v1/status')).toMatchObject({ controlPort: control.port });
  });
});

describe('bad input', () => {
  it('is bounded: bodies, chunks, nesting, JSON that is none', async () => {
    const { socketPath } = await startControl({ tools: [tool({ name: 'x' })] });
    const post = (body: unknown, headers = {}) =>
      requestControl({ socketPath }, 'POST', '/v1/tools/x/call', { body, headers });
    const chunked = { 'transfer-encoding': 'chunked' };
    expect((await post('{"args":{}}', chunked)).json).toMatchObject({ status: 'done' });
    expect((await post(`{"args":{"a":"${'x'.repeat(1_048_576)}"}}`, chunked)).status).toBe(413);
    expect((await post('{}', { ...chunked, 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post('{}', { 'content-length': '1048577' })).status).toBe(413);
    expect((await post('{"args"')).json).toEqual({
      error: { code: 'BAD_REQUEST', message: expect.any(String) },
    });
    expect((await post(`{"args":{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`)).status).toBe(400);
    const deep = `${'{"properties":{"a":'.repeat(5000)}{}${'}}'.repeat(5000)}`;
    for (const path of ['/v1/tools', '/v1/mounts'])
      expect(
        await requestControl({ socketPath }, 'POST', path, {
          body: `{"name":"deep","description":"d","executable":"cat","command":"cat","inputSchema":${deep}}`,
        }),
      ).toMatchObject({ status: 400 });
    expect((await post('{"args":{"__proto__":{"x":1}}}')).status).toBe(200);
    expect((await post({})).status).toBe(200);
  });

  it('never ends the device: any bytes on the socket', async () => {
    const { socketPath, ask } = await startControl();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .string()
        .map((text) =>
          Buffer.from(`GET ${text} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`),
        ),
      fc
        .string()
        .map((text) =>
          Buffer.from(`POST /v1/tools HTTP/1.1\r\nHost: x\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
        ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const socket = connect(socketPath);
        socket.on('error', () => {});
        socket.end(sent);
        socket.resume();
        await once(socket, 'close');
      }),
      { numRuns: 60 },
    );
    expect(await ask('GET', '/v1/health')).toEqual({ status: 'ok' });
  });

  it('never shows what went wrong inside', async () => {
    const broken = tool({ name: 'broken', run: () => Promise.reject(new Error('password hunter2')) });
    const { socketPath } = await startControl({ tools: [broken] });
    const { status, text } = await requestControl({ socketPath }, 'POST', '/v1/tools/broken/call', {
      body: {},
    });
    expect(status).toBeGreaterThanOrEqual(500);
    expect(text).not.toContain('hunter2');
    const told = toldOf(toClientError(new Error('password hunter2')));
    expect(told).toEqual({
      status: 500,
      body: { error: { code: 'INTERNAL', message: expect.not.stringContaining('hunter2') } },
    });
  });

  it('opens the door for nobody without the token, whatever the headers', () => {
    const entrance = { kind: 'tcp', token, allowedHosts: [] } as const;
    fc.assert(
      fc.property(
        fc.webPath(),
        fc.dictionary(
          fc.constantFrom('host', 'origin', 'authorization', 'content-type', 'cookie'),
          fc.string(),
        ),
        (path, headers) => {
          fc.pre(headers.authorization !== `Bearer ${token}` && path !== '/v1/health');
          expect(
            refusalOf({ method: 'GET', path, headers: { host: 'localhost', ...headers } }, entrance),
          ).toBeDefined();
        },
      ),
    );
  });
});

describe('a caller that goes away', () => {
  it('stops the tool it called', async () => {
    let ended = false;
    const forever = tool({
      name: 'forever',
      run: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended = true;
            reject(signal.reason);
          });
        }),
    });
    const { socketPath, toolEvents } = await startControl({ tools: [forever] });
    const socket = connect(socketPath);
    socket.write(
      'POST /v1/tools/forever/call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );
    await vi.waitFor(() => expect(toolEvents).toMatchObject([{ phase: 'called' }]), 5000);
    socket.destroy();
    await vi.waitFor(() => expect(ended).toBe(true), 5000);
  });
});
