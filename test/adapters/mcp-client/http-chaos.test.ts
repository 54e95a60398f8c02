import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { ClientError, ErrorCode } from '../../../src/core/errors.ts';
import type { McpServerTarget } from '../../../src/ports/mcp-client.ts';
import { type Answer, startChaosHttp } from '../../support/chaos-mcp-http.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { connect, namesOf } from '../../support/mcp-connections.ts';
import { startEverything } from '../../support/mcp-servers.ts';

type HttpTarget = Extract<McpServerTarget, { type: 'http' }>;
type CleanUp = (step: () => Promise<void>) => void;

const at = (url: string, target: Partial<HttpTarget> = {}): HttpTarget => ({
  type: 'http',
  url,
  headers: {},
  transport: 'auto',
  ...target,
});
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });
const words = (connecting: Promise<unknown>) =>
  connecting.then(
    () => 'connected',
    ({ message }) => message as string,
  );

async function server(cleanUp: CleanUp, answer?: Answer) {
  const started = await startChaosHttp(answer);
  cleanUp(started.stop);
  return started;
}

const status =
  (code: number, type = 'text/plain', body = ''): Answer =>
  ({ response }) =>
    response.writeHead(code, { 'content-type': type }).end(body);

describe.concurrent('an address', () => {
  it('that refuses us gets a sentence about the token, and no second try', async ({ onTestFinished }) => {
    const { url, exchanges } = await server(
      onTestFinished,
      status(401, 'application/json', '{"error":"no key"}'),
    );
    await expect(connect(at(url))).rejects.toMatchObject({
      code: 'TOOL_UNREACHABLE',
      retryable: false,
      message:
        'The MCP server cannot be reached: it refuses us (HTTP status 401, no key); check the token in its headers.',
    });
    expect(exchanges.map(({ method }) => method)).toEqual(['POST']);
  });

  it('without MCP gets one about the path, after the second try', async ({ onTestFinished }) => {
    const page = '<html><body>Not here</body></html>';
    const { url, exchanges } = await server(onTestFinished, status(404, 'text/html', page));
    expect(await words(connect(at(url)))).toBe(
      'The MCP server cannot be reached: it has no MCP at this address (HTTP status 404); the path of the url is often /mcp or /sse.',
    );
    expect(exchanges.map(({ method }) => method)).toEqual(['POST', 'GET']);
    expect(await words(connect(at(url, { transport: 'streamable' })))).toContain('HTTP status 404');
    expect(await words(connect(at(url, { transport: 'sse' })))).toContain('HTTP status 404');
  });

  it('with a page for people, broken JSON or a broken gateway is told apart', async ({ onTestFinished }) => {
    const talk = async (answer: Answer, transport: HttpTarget['transport'] = 'auto') =>
      words(connect(at((await server(onTestFinished, answer)).url, { transport })));
    expect(await talk(status(200, 'text/html', 'Hello'))).toBe(
      'The MCP server cannot be reached: what is at this address does not speak MCP; check the url.',
    );
    expect(await talk(status(200, 'text/html', 'Hello'), 'sse')).toBe(
      'The MCP server cannot be reached: what is at this address does not speak MCP; check the url.',
    );
    expect(await talk(status(200, 'application/json', '{"half'))).toBe(
      'The MCP server gave no usable answer: it sent something that is no message of MCP.',
    );
    expect(await talk(status(200, 'application/json', '{"a":1}'))).toBe(
      'The MCP server gave no usable answer: it sent something that is no message of MCP.',
    );
    expect(await talk(status(502, 'text/html', '<h1>Bad gateway</h1>'))).toBe(
      'The MCP server cannot be reached: it answered with HTTP status 502.',
    );
    expect(await talk(({ request }) => request.socket.destroy())).toBe(
      'The MCP server cannot be reached: it closed the connection.',
    );
  });

  it.each(['streamable', 'sse'] as const)(
    'of a network that asks people to log in is told as that, over %s, and tried again',
    async (transport) => {
      const talk = async (answer: Answer) => {
        const { url, stop } = await startChaosHttp(answer);
        const failed = await connect(at(url, { transport })).catch((thrown: ClientError) => thrown);
        await stop();
        return failed;
      };
      const redirect: Answer = ({ response }) =>
        response.writeHead(302, { location: 'http://login.cafe.example/start?back=1' }).end();
      for (const answer of [
        status(200, 'text/html', '<!DOCTYPE html><title>Wi-Fi</title>'),
        status(511, 'text/html', 'Network Authentication Required'),
        redirect,
      ])
        expect(await talk(answer)).toMatchObject({
          code: 'TOOL_UNREACHABLE',
          retryable: true,
          message: expect.stringMatching(
            /answers in its place.*most likely this network asks you to log in\. Open any web page/,
          ),
        });
      expect(await talk(redirect)).toMatchObject({
        message: expect.stringContaining('sends us to http://login.cafe.example/start (HTTP status 302)'),
      });
    },
  );

  it('that a login page has taken the place of is lost, and not a tool with an odd answer', async ({
    onTestFinished,
  }) => {
    const { url, answer } = await server(onTestFinished);
    const connection = await connect(at(url));
    answer(status(511, 'text/html', '<html>'));
    await expect(connection.text('echo')).rejects.toThrow(/this network asks you to log in/);
    expect(connection.closedWith.map(({ message }) => message)).toEqual([
      expect.stringMatching(/this network asks you to log in/),
    ]);
  });

  it('that is nobody’s is told in words, without what is secret in it', async () => {
    const { url, stop } = await startChaosHttp();
    await stop();
    expect(await words(connect(at('localhost:x')))).toContain('its url is no address; write it in full');
    expect(await words(connect(at(`${url}?token=abcdef`)))).toBe(
      'The MCP server cannot be reached: nothing is listening there.',
    );
    expect(await words(connect(at('http://no-such-host.invalid/mcp?token=abcdef')))).toMatch(
      /the name of the host (is not known; check the url|could not be looked up; check the network)\.$/,
    );
  });

  it('is not told with the path that is secret in its address', async ({ onTestFinished }) => {
    const { url } = await server(onTestFinished, ({ request, response }) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`no such user: ${request.url}`);
    });
    expect(await words(connect(at(url.replace(/\/[^/]*$/, '/6f1e2a9b8c7d4e5f/mcp'))))).toContain(
      'no such user: /••••/mcp',
    );
  });

  it('that does not speak TLS or HTTP is told so', async ({ onTestFinished }) => {
    const { url } = await server(onTestFinished);
    expect(await words(connect(at(url.replace('http:', 'https:'))))).toBe(
      'The MCP server cannot be reached: it does not speak TLS; try http:// instead of https://.',
    );
    const other = createServer((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-x\r\n');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    expect(await words(connect(at(`http://127.0.0.1:${port}/`)))).toBe(
      'The MCP server cannot be reached: it does not speak HTTP.',
    );
  });

  it('that redirects to another host gets neither our message nor our token', async ({ onTestFinished }) => {
    const other = await server(onTestFinished);
    const { url } = await server(onTestFinished, ({ response }) =>
      response.writeHead(307, { location: `${other.url}?next=1` }).end(),
    );
    const headers = { authorization: 'Bearer top-secret' };
    expect(await words(connect(at(url, { headers })))).toContain(`Redirect to ${other.url} not followed`);
    expect(other.exchanges).toEqual([]);
  });

  it('that hangs in initialize, or never names an endpoint, is left with the signal', async ({
    onTestFinished,
  }) => {
    const { url, exchanges } = await server(onTestFinished, ({ method, response }) =>
      method === 'GET'
        ? response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        : undefined,
    );
    for (const transport of ['streamable', 'sse'] as const) {
      const abort = new AbortController();
      const connecting = words(connect(at(url, { transport }), { signal: abort.signal }));
      await until(() => expect(exchanges.at(-1)?.method).toBe(transport === 'sse' ? 'GET' : 'POST'));
      abort.abort(new ClientError(ErrorCode.toolTimeout, 'Took too long.'));
      expect(await connecting).toBe('Took too long.');
      await until(() => expect(exchanges.at(-1)?.request.socket.destroyed).toBe(true));
    }
  });
});

describe.concurrent('a session', () => {
  it('sends the headers with everything and hides them everywhere', async ({ onTestFinished }) => {
    const { url, exchanges, answer } = await server(onTestFinished);
    const headers = { authorization: 'Bearer top-secret', 'x-room': 'kitchen' };
    const connection = await connect(at(url, { headers }));
    expect(await connection.text('echo', { text: 'hi' })).toBe('hi');
    await until(() => expect(exchanges.some(({ method }) => method === 'GET')).toBe(true));
    answer(status(500, 'text/plain', 'bad token top-secret'));
    await expect(connection.text('echo')).rejects.toThrow(
      'it answered with HTTP status 500, bad token ••••.',
    );
    answer(() => false);
    await connection.close();
    expect(exchanges.map(({ headers: sent }) => [sent.authorization, sent['x-room']])).toEqual(
      exchanges.map(() => ['Bearer top-secret', 'kitchen']),
    );
    expect(exchanges.at(-1)?.method).toBe('DELETE');
    expect(connection.closedWith).toEqual([]);
  });

  it('that the server has forgotten ends, and the call may be made again', async ({ onTestFinished }) => {
    const { url, forget } = await server(onTestFinished);
    const connection = await connect(at(url));
    forget();
    const lost = { code: 'TOOL_SESSION_LOST', retryable: true };
    await expect(connection.text('echo', { text: 'hi' })).rejects.toMatchObject(lost);
    await until(() => expect(connection.closedWith).toMatchObject([lost]));
    const next = await connect(at(url));
    onTestFinished(() => next.close());
    expect(await next.text('echo', { text: 'hi' })).toBe('hi');
  });

  it('that is found forgotten by its stream ends, too', async ({ onTestFinished }) => {
    const { url, exchanges, forget, hangUp } = await server(onTestFinished);
    const connection = await connect(at(url));
    onTestFinished(() => connection.close());
    await until(() => expect(exchanges.some(({ method }) => method === 'GET')).toBe(true));
    forget();
    hangUp();
    await until(() => expect(connection.closedWith).toMatchObject([{ code: 'TOOL_SESSION_LOST' }]));
  });

  it('is lost, too, when a real server has been started anew', async ({ onTestFinished }) => {
    const first = await startEverything('streamableHttp');
    const connection = await connect(at(first.url));
    await first.stop();
    const second = await startEverything('streamableHttp', first.port);
    onTestFinished(second.stop);
    await expect(connection.text('echo', { message: 'hi' })).rejects.toMatchObject({
      code: 'TOOL_SESSION_LOST',
    });
    await connection.close();
  });

  it('ends when nothing listens any more', async () => {
    const { url, stop } = await startChaosHttp();
    const connection = await connect(at(url));
    await stop();
    const gone = { code: 'TOOL_UNREACHABLE', retryable: true };
    await expect(connection.text('echo')).rejects.toMatchObject(gone);
    await until(() => expect(connection.closedWith).toMatchObject([gone]));
    await connection.close();
  });

  it('over SSE ends with its stream, once', async () => {
    const { url, stop } = await startEverything('sse');
    const connection = await connect(at(url, { transport: 'sse' }));
    await stop();
    await until(() => expect(connection.closedWith).toMatchObject([{ code: 'TOOL_UNREACHABLE' }]));
    await expect(connection.text('echo')).rejects.toMatchObject({ code: 'TOOL_UNREACHABLE' });
    await connection.close();
    expect(connection.closedWith).toHaveLength(1);
  });

  it('tells of a changed list over the stream, also after that was broken', async ({ onTestFinished }) => {
    const { url, say, hangUp, exchanges } = await server(onTestFinished);
    const connection = await connect(at(url));
    onTestFinished(() => connection.close());
    const streams = () => exchanges.filter(({ method }) => method === 'GET').length;
    await until(() => expect(streams()).toBe(1));
    say({ method: 'notifications/tools/list_changed' });
    await until(() => expect(connection.changes()).toBe(1));
    hangUp();
    await until(() => expect(streams()).toBe(2));
    say({ method: 'notifications/tools/list_changed' });
    await until(() => expect(connection.changes()).toBe(2));
    expect(await namesOf(connection)).toEqual(['echo']);
  });

  it('ends the request of a call whose time is up', async ({ onTestFinished }) => {
    const { url, exchanges, methods } = await server(onTestFinished);
    const connection = await connect(at(url));
    onTestFinished(() => connection.close());
    await expect(connection.text('never', {}, 100)).rejects.toMatchObject({ code: 'TOOL_TIMEOUT' });
    await until(() => expect(methods()).toContain('notifications/cancelled'));
    const call = exchanges.find(({ message }) => message?.method === 'tools/call');
    await until(() => expect(call?.response.destroyed).toBe(true));
  });

  it('fails a call at once whose stream ends without an answer', async ({ onTestFinished }) => {
    const { url, answer } = await server(onTestFinished);
    const connection = await connect(at(url));
    onTestFinished(() => connection.close());
    answer(({ message, response }) => {
      if (message?.method !== 'tools/call') return false;
      return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(': nothing\n\n');
    });
    await expect(connection.text('echo')).rejects.toThrow('it closed the connection before it had answered.');
  });

  it('does not read an answer without an end', async ({ onTestFinished }) => {
    const { url, answer } = await server(onTestFinished);
    const connection = await connect(at(url));
    onTestFinished(() => connection.close());
    for (const type of ['application/json', 'text/event-stream']) {
      answer(({ message, response }) => {
        if (message?.method !== 'tools/call') return false;
        response.writeHead(200, { 'content-type': type });
        const piece = Buffer.alloc(256 * 1024, 'x');
        const more = () => {
          while (!response.destroyed && response.write(piece));
        };
        response.on('drain', more);
        more();
        return true;
      });
      await expect(connection.text('echo')).rejects.toMatchObject({ code: expect.stringContaining('TOOL_') });
    }
  });
});

describe.concurrent('a server that is a little odd', () => {
  const result = { content: [{ type: 'text', text: 'well' }] };

  it.each([400, 404, 500])('is used whatever it says to a notification: status %i', async (code) => {
    const { url, answer, stop } = await startChaosHttp(({ message, response }) =>
      message !== undefined && message.id === undefined ? response.writeHead(code).end('no') : false,
    );
    const connection = await connect(at(url, { transport: 'streamable' }));
    expect(await namesOf(connection)).toEqual(['echo']);
    expect(await connection.text('echo', { text: 'hi' })).toBe('hi');
    expect(connection.log[0]).toContain(`HTTP status ${code}`);
    expect(connection.closedWith).toEqual([]);
    answer(() => false);
    await connection.close();
    await stop();
  });

  it.each([
    ['null beside a result', (id: unknown) => ({ jsonrpc: '2.0', id, result, error: null })],
    ['members of its own', (id: unknown) => ({ jsonrpc: '2.0', id, result, took: 3 })],
    ['its id as text', (id: unknown) => ({ jsonrpc: '2.0', id: String(id), result })],
    ['no version', (id: unknown) => ({ id, result })],
  ])('is understood with %s, as JSON and as a stream', async (_, said) => {
    const { url, answer, stop } = await startChaosHttp();
    const connection = await connect(at(url));
    const answers: ((text: string) => readonly [string, string])[] = [
      (text) => ['application/json', `\ufeff${text}`],
      (text) => ['text/plain', text],
      (text) => ['text/event-stream', `\ufeffid: 1\r\nevent: message\r\ndata: ${text}\r\n\r\n`],
      (text) => ['text/event-stream', `data:${text}\n\n`],
    ];
    for (const form of answers) {
      answer(({ message, response }) => {
        if (message?.method !== 'tools/call') return false;
        const [type, body] = form(JSON.stringify(said(message.id)));
        return response.writeHead(200, { 'content-type': type }).end(body);
      });
      expect(await connection.text('echo')).toBe('well');
    }
    await connection.close();
    await stop();
  });

  it.each([
    status(500),
    status(404),
    status(400, 'text/plain', 'Bad session'),
    status(200),
    status(204),
    status(202),
    status(200, 'application/json', '[]'),
    status(200, 'application/json', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}'),
    status(200, 'text/plain', 'pong'),
    status(200, 'text/event-stream'),
  ])('lives, whatever it answers to a ping (%#)', async (said) => {
    const { url, answer, stop } = await startChaosHttp();
    const connection = await connect(at(url));
    answer((exchange) => (exchange.message?.method === 'ping' ? said(exchange) : false));
    await connection.ping(3000);
    expect(await connection.text('echo', { text: 'hi' })).toBe('hi');
    expect(connection.closedWith).toEqual([]);
    await connection.close();
    await stop();
  });

  it('that does not answer a ping is noticed', async ({ onTestFinished }) => {
    const { url, answer } = await server(onTestFinished);
    const connection = await connect(at(url));
    onTestFinished(() => connection.close());
    answer(({ message }) => message?.method === 'ping');
    await expect(connection.ping(100)).rejects.toThrow('it does not answer');
  });

  it('and wants its stream opened again at once waits a second each time', async ({ onTestFinished }) => {
    const { url, exchanges } = await server(onTestFinished, ({ method, response }) =>
      method === 'GET'
        ? response.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 0\nid: 1\ndata:\n\n')
        : false,
    );
    const clock = new FakeClock();
    const connection = await connect(at(url), { clock });
    onTestFinished(() => connection.close());
    const streams = () => exchanges.filter(({ method }) => method === 'GET').length;
    await until(() => expect(streams()).toBe(1));
    await until(() => expect(clock.pendingTimers).toBeGreaterThan(0));
    clock.advance(999);
    await connection.text('echo');
    expect(streams()).toBe(1);
    clock.advance(1);
    await until(() => expect(streams()).toBe(2));
  });
});

it('leaves no descriptor open after its sessions', async () => {
  const { url, stop } = await startChaosHttp();
  const open = () => readdirSync('/proc/self/fd').length;
  const round = async () => {
    const connection = await connect(at(url));
    await Promise.all(Array.from({ length: 5 }, () => connection.text('echo', { text: 'hi' })));
    await connection.close();
  };
  await round();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = open();
  await Promise.all(Array.from({ length: 10 }, round));
  // Sooner than a quiet connection would be given up by itself.
  await vi.waitFor(() => expect(open()).toBeLessThanOrEqual(before), { timeout: 2000, interval: 10 });
  await stop();
});
