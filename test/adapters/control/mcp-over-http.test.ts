import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { requestListenerOf } from '../../../src/adapters/control/request-listener.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { createHttpEndpoint } from '../../../src/mcp/control/http-endpoint.ts';
import type { Tool } from '../../../src/mcp/tool.ts';
import { endControls, startControl } from '../../support/control.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { mcpParts, tool } from '../../support/mcp-parts.ts';

const token = 'a-token-of-some-length';
const clients: Client[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await endControls();
});

async function connect(tools: readonly Tool[], onChange: () => void = () => {}) {
  const device = await startControl({ tools, control: { tcp: { port: 0, token } } });
  const transport = new StreamableHTTPClientTransport(
    new URL(`http://127.0.0.1:${device.control.port}/v1/mcp`),
    {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    },
  );
  const client = new Client({ name: 'editor', version: '1' });
  client.setNotificationHandler('notifications/tools/list_changed', onChange);
  await client.connect(transport);
  clients.push(client);
  return { device, client, transport };
}

const echo = tool({
  name: 'echo',
  description: 'Says it again.',
  inputSchema: { type: 'object', properties: { word: { type: 'string' } } },
  run: (args) => Promise.resolve({ kind: 'json', value: args }),
});

describe('the device as an MCP server over HTTP, for the SDK’s client', () => {
  it('lists the tools of the model and calls them', async () => {
    const { client, device } = await connect([echo, tool({ name: 'hidden', audience: 'user' })]);
    expect(client.getServerVersion()).toMatchObject({ name: 'xiaozhi-speaker-linux' });
    expect((await client.listTools()).tools).toEqual([
      { name: 'echo', description: 'Says it again.', inputSchema: echo.inputSchema },
    ]);
    const result = await client.callTool({ name: 'echo', arguments: { word: 'hi' } });
    expect(result.content).toEqual([{ type: 'text', text: '{"word":"hi"}' }]);
    expect(device.toolEvents.map(({ phase, channel }) => `${phase} ${channel}`)).toEqual([
      'called mcp-http',
      'completed mcp-http',
      'replied mcp-http',
    ]);
  });

  it('is given names in ASCII letters, which it calls the tools by', async () => {
    const weather = { ...echo, name: '高德MCP__查询天气', description: 'Tells the weather.' };
    const { client } = await connect([weather, { ...echo, name: 'wörter' }, echo]);
    const { tools } = await client.listTools();
    expect(tools.map(({ name, description }) => [name, description])).toEqual([
      [
        expect.stringMatching(/^gao_de_MCP__cha_xun_tian_qi_[0-9a-f]{6}$/),
        '高德MCP__查询天气: Tells the weather.',
      ],
      [expect.stringMatching(/^worter_[0-9a-f]{6}$/), 'wörter: Says it again.'],
      ['echo', 'Says it again.'],
    ]);
    for (const name of [tools[0]?.name ?? '', '高德MCP__查询天气'])
      expect(await client.callTool({ name, arguments: { word: 'hi' } })).toMatchObject({
        content: [{ type: 'text', text: '{"word":"hi"}' }],
      });
  });

  it('gives long results whole, and failures as results', async () => {
    const long = tool({ name: 'long', run: () => Promise.resolve({ kind: 'text', text: 'x'.repeat(9000) }) });
    const { client } = await connect([long]);
    const { content } = await client.callTool({ name: 'long', arguments: {} });
    expect(content).toEqual([{ type: 'text', text: 'x'.repeat(9000) }]);
    const unknown = await client.callTool({ name: 'nothing', arguments: {} });
    expect(unknown).toMatchObject({ isError: true, content: [{ text: 'Unknown tool: nothing' }] });
  });

  it('reads requests as kindly as the other channels, and says in words what it cannot read', async () => {
    const device = await startControl({ tools: [echo], control: { tcp: { port: 0, token } } });
    const post = async (body: string, session?: string) => {
      const answer = await fetch(`http://127.0.0.1:${device.control.port}/v1/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(session && { 'mcp-session-id': session }),
        },
        body,
      });
      const text = await answer.text();
      const message = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as object;
      return { message, session: answer.headers.get('mcp-session-id') ?? undefined, text };
    };
    const { session } = await post(
      '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
    );
    const call = (params: string) =>
      post(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":${params}}`, session);
    expect((await call('{"name":"echo","arguments":"{\\"id\\":725653563933458433}"}')).message).toMatchObject(
      {
        result: { content: [{ text: '{"id":725653563933458433}' }] },
      },
    );
    for (const body of [
      '{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":5}}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/list","params":"x"}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{},"task":5,"_meta":5}}',
    ])
      expect((await post(body, session)).message).toMatchObject({ id: 2, result: {} });
    for (const params of ['{}', '"x"', '{"protocolVersion":5,"capabilities":null,"clientInfo":null}'])
      expect(
        (await post(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":${params}}`)).message,
      ).toMatchObject({ result: { protocolVersion: '2025-06-18' } });
    expect((await call('{"name":"echo","arguments":null}')).message).toMatchObject({
      result: { content: [{ text: '{}' }] },
    });
    expect((await call('{"name":"echo","arguments":{"n":725653563933458433}}')).text).toContain(
      '725653563933458433',
    );
    expect(await call('{"name":"echo","arguments":[1]}')).toMatchObject({
      message: { id: 2, error: { code: -32602, message: 'Invalid arguments' } },
    });
    expect(await call('null')).toMatchObject({ message: { error: { message: 'Missing params' } } });
    const list = await post('{"jsonrpc":"2.0","id":3,"method":"tools/list","params":null}', session);
    expect(list.message).toMatchObject({ id: 3, result: { tools: [{ name: 'echo' }] } });
    expect(await post('{"jsonrpc":', session)).toMatchObject({
      message: { id: null, error: { code: -32700 } },
    });
  });

  it('gives pictures of any size, which only voices have no use for', async () => {
    const data = 'A'.repeat(300_000);
    const run = () => Promise.resolve({ kind: 'image', base64: data, mimeType: 'image/png' } as const);
    const { client } = await connect([tool({ name: 'screenshot', run })]);
    const { content } = await client.callTool({ name: 'screenshot', arguments: {} });
    expect(content).toEqual([{ type: 'image', data, mimeType: 'image/png' }]);
  });

  it('tells when the list has changed', async () => {
    let changes = 0;
    const { client, device } = await connect([], () => {
      changes += 1;
    });
    await client.listTools();
    await vi.waitFor(
      () => {
        device.registry.publish({ source: 'custom', name: 'more', position: 1 }, [tool({ name: 'more' })]);
        expect(changes).toBeGreaterThan(0);
      },
      { timeout: 5000 },
    );
    expect((await client.listTools()).tools).toMatchObject([{ name: 'more' }]);
  });

  it('stops a tool whose call is taken back', async () => {
    let began = false;
    let ended = false;
    const forever = tool({
      name: 'forever',
      run: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          began = true;
          signal.addEventListener('abort', () => {
            ended = true;
            reject(signal.reason);
          });
        }),
    });
    const { client } = await connect([forever]);
    const taken = new AbortController();
    const call = client
      .callTool({ name: 'forever', arguments: {} }, { signal: taken.signal })
      .catch(() => 'taken back');
    await vi.waitFor(() => expect(began).toBe(true), 5000);
    taken.abort();
    expect(await call).toBe('taken back');
    await vi.waitFor(() => expect(ended).toBe(true), 5000);
  });

  it('ends a session when its client says so', async () => {
    const { transport, device } = await connect([]);
    const metric = async () => {
      const { requestControl } = await import('../../support/control-request.ts');
      return (await requestControl(device, 'GET', '/v1/metrics')).text;
    };
    expect(await metric()).toContain('xiaozhi_mcp_sessions 1\n');
    await transport.terminateSession();
    expect(await metric()).toContain('xiaozhi_mcp_sessions 0\n');
  });
});

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
};

function post(body: unknown, session?: string): Request {
  return new Request('http://localhost/v1/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(session !== undefined && { 'mcp-session-id': session }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function endpoint() {
  const clock = new FakeClock();
  const parts = await mcpParts([echo]);
  const http = createHttpEndpoint({
    ...parts,
    clock,
    transliteration: () => Promise.reject(new Error('not needed')),
    name: 'device',
    version: '1',
    logger: silentLogger,
  });
  const open = async () => {
    const response = await http.handle(post(initialize));
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  };
  const list = (session: string) =>
    http.handle(post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, session));
  return { clock, http, open, list };
}

describe('sessions', () => {
  it('are sixteen at most: the one that was quiet for longest gives way', async () => {
    const { http, open, list } = await endpoint();
    const sessions: string[] = [];
    for (let i = 0; i < 16; i++) sessions.push(await open());
    await (await list(sessions[0] ?? '')).text();
    await open();
    expect(http.sessionCount).toBe(16);
    expect((await list(sessions[0] ?? '')).status).toBe(200);
    expect((await list(sessions[1] ?? '')).status).toBe(404);
    await http.close();
  });

  it('are sixteen at most, however many come at once', async () => {
    const { http, open } = await endpoint();
    await Promise.all(Array.from({ length: 40 }, open));
    expect(http.sessionCount).toBeLessThanOrEqual(16);
    expect(http.sessionCount).toBeGreaterThan(0);
    await http.close();
    expect(http.sessionCount).toBe(0);
  });

  it('end after half an hour without a word, and then cost no timer', async () => {
    const { clock, http, open, list } = await endpoint();
    const session = await open();
    expect(clock.pendingTimers).toBe(1);
    await clock.advanceAsync(20 * 60_000);
    expect((await list(session)).status).toBe(200);
    await clock.advanceAsync(29 * 60_000);
    expect(http.sessionCount).toBe(1);
    await clock.advanceAsync(30 * 60_000);
    expect(http.sessionCount).toBe(0);
    await clock.advanceAsync(30 * 60_000);
    expect(clock.pendingTimers).toBe(0);
    await http.close();
  });

  it('live as long as somebody reads their stream, and end after that', async () => {
    const { clock, http } = await endpoint();
    const server = createServer(requestListenerOf(http.handle)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = new Client({ name: 'editor', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/`)));
    await client.listTools();
    await clock.advanceAsync(3 * 3_600_000);
    expect(http.sessionCount).toBe(1);
    await client.close();
    await vi.waitFor(
      async () => {
        await clock.advanceAsync(30 * 60_000);
        expect(http.sessionCount).toBe(0);
      },
      { timeout: 5000 },
    );
    await http.close();
    server.closeAllConnections();
    server.close();
  });

  it('are none for requests that are nothing', async () => {
    const { http } = await endpoint();
    for (const body of ['', '{', '[]', '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'])
      expect((await http.handle(post(body))).status).toBeGreaterThanOrEqual(400);
    expect(http.sessionCount).toBe(0);
    await http.close();
    expect((await http.handle(post(initialize))).status).toBe(503);
  });
});
