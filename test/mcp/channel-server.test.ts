import { describe, expect, it, vi } from 'vitest';
import { ClientError } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { VisionEndpoint } from '../../src/mcp/normalise.ts';
import { type ChannelServerOptions, createChannelServer } from '../../src/mcp/server.ts';
import type { Tool, ToolOutput, ToolRunContext } from '../../src/mcp/tool.ts';
import { builtin } from '../../src/mcp/tools/builtin.ts';
import { createVolumeTool } from '../../src/mcp/tools/volume.ts';
import { settle } from '../support/fake-clock.ts';
import { mcpParts, tool } from '../support/mcp-parts.ts';

type Json = Readonly<Record<string, unknown>>;

/** A server at a channel whose far end is a list of texts. */
async function channel(tools: readonly Tool[] = [], options: Partial<ChannelServerOptions> = {}) {
  const parts = await mcpParts(tools);
  const sent: string[] = [];
  const visions: VisionEndpoint[] = [];
  const server = createChannelServer({
    ...parts,
    name: 'xiaozhi-speaker-linux',
    version: '0.1.0',
    channel: 'device',
    logger: silentLogger,
    send: (payload) => sent.push(JSON.stringify(payload)) > 0,
    onVision: (vision) => visions.push(vision),
    replyWithinMs: 29_000,
    ...options,
  });
  const answers = (count: number) => vi.waitFor(() => expect(sent).toHaveLength(count));
  return { ...parts, server, sent, visions, answers };
}

const request = (id: unknown, method: string, params?: Json): Json => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
const call = (id: unknown, name: string, args?: unknown): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});
const text = (id: unknown, value: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: { content: [{ type: 'text', text: value }], isError: false },
  });

/** Ends when the test says so. */
function slow(name: string, fields: Partial<Tool> = {}) {
  const runs: { finish(value: string): void; readonly signal: AbortSignal }[] = [];
  const run = (_args: object, { signal }: ToolRunContext) =>
    new Promise<ToolOutput>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      runs.push({ finish: (value) => resolve({ kind: 'text', text: value }), signal });
    });
  return { runs, tool: tool({ name, ...fields, run }) };
}

describe('frames of the firmware', () => {
  const volume: number[] = [];
  const set = createVolumeTool({ setVolume: (percent: number) => volume.push(percent) } as never);

  it('initialize: the same answer whatever the server asks for, at any time, any number of times', async () => {
    const { server, sent, visions, answers } = await channel();
    const capabilities = { vision: { url: 'http://vision.example/', token: 't' } };
    server.receive({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { capabilities } });
    server.receive(request(10_000, 'initialize', { protocolVersion: '2026-07-28', clientInfo: {} }));
    server.receive(request(0, 'initialize'));
    await answers(3);
    const result =
      '"result":{"protocolVersion":"2024-11-05","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"xiaozhi-speaker-linux","version":"0.1.0"}}}';
    expect(sent).toEqual([1, 10_000, 0].map((id) => `{"jsonrpc":"2.0","id":${id},${result}`));
    expect(visions).toEqual([capabilities.vision]);
  });

  it('tools/list before any initialize, with required and range', async () => {
    const { server, sent, registry, answers } = await channel();
    registry.publish({ source: 'builtin', name: 'device', position: 0 }, [{ ...set, description: 'd' }]);
    server.receive({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    await answers(1);
    expect(sent[0]).toBe(
      '{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"self.audio_speaker.set_volume","description":"d",' +
        '"inputSchema":{"type":"object","properties":{"volume":{"type":"integer","minimum":0,"maximum":100}},"required":["volume"]}}]}}',
    );
  });

  it('tools/call with a result and with each of its errors', async () => {
    const { server, sent, registry, answers } = await channel();
    registry.publish({ source: 'builtin', name: 'device', position: 0 }, [set]);
    const name = 'self.audio_speaker.set_volume';
    server.receive(call(5, name, { volume: 55.9 }));
    await answers(1);
    server.receive(call(6, name, { volume: 101 }));
    await answers(2);
    server.receive(call(7, name));
    await answers(3);
    server.receive(call(8, 'self.nothing'));
    await answers(4);
    expect(sent).toEqual([
      text(5, 'true'),
      '{"jsonrpc":"2.0","id":6,"error":{"code":-32602,"message":"Value exceeds maximum allowed: 100"}}',
      '{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Missing valid argument: volume"}}',
      '{"jsonrpc":"2.0","id":8,"error":{"code":-32601,"message":"Unknown tool: self.nothing"}}',
    ]);
    expect(volume).toEqual([55]);
  });

  it('ping, unknown methods and what needs no answer', async () => {
    const { server, sent, answers } = await channel();
    server.receive({ jsonrpc: '2.0', method: 'notifications/initialized', params: {} });
    server.receive({ jsonrpc: '2.0', id: 3, result: {} });
    server.receive({});
    server.receive(request(1, 'prompts/list'));
    server.receive(request('b_2', 'ping', {}));
    await answers(2);
    expect(sent).toEqual([
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not implemented: prompts/list"}}',
      '{"jsonrpc":"2.0","id":"b_2","result":{}}',
    ]);
  });
});

describe('tools/list', () => {
  it('gives every tool once over its pages, each of at most 8000 bytes', async () => {
    const tools = Array.from({ length: 200 }, (_, i) =>
      tool({ name: `tool_${i}`, description: '说明'.repeat(40) }),
    );
    const { server, sent, answers } = await channel(tools);
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      server.receive({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { cursor } });
      await answers(1);
      const { result } = JSON.parse(sent.splice(0)[0] ?? '');
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(8000);
      names.push(...result.tools.map(({ name }: { name: string }) => name));
      cursor = result.nextCursor;
    } while (cursor !== undefined);
    expect(names).toEqual(tools.map(({ name }) => name));
  });

  it('hides tools for people unless asked, tools that are denied always, and goes on behind a hidden cursor', async () => {
    const tools = ['a', 'for-people', 'c', 'denied'].map((name) =>
      tool({ name, audience: name === 'for-people' ? 'user' : 'model' }),
    );
    const { server, sent, access, answers } = await channel(tools);
    access.replace({ allow: ['*'], deny: ['denied'] });
    for (const params of [{}, { withUserTools: true }, { cursor: 'for-people' }])
      server.receive({ jsonrpc: '2.0', id: 2, method: 'tools/list', params });
    await answers(3);
    expect(sent.map((frame) => JSON.parse(frame).result.tools.map(({ name }: Tool) => name))).toEqual([
      ['a', 'c'],
      ['a', 'for-people', 'c'],
      ['c'],
    ]);
  });

  it('answers an unknown cursor with the error of the firmware', async () => {
    const { server, sent, answers } = await channel([tool({ name: 'a' })]);
    server.receive({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { cursor: 'gone' } });
    await answers(1);
    expect(sent[0]).toBe(
      '{"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"Failed to add tool  because of payload size limit"}}',
    );
  });
});

describe('calls in flight', () => {
  it('are answered under their own ids, even when a server uses an id twice', async () => {
    const [a, b] = [slow('a'), slow('b')];
    const { server, sent, answers } = await channel([a.tool, b.tool]);
    server.receive(call(1, 'a'));
    server.receive(call(1, 'b'));
    server.receive(request(1, 'ping'));
    await answers(1);
    b.runs[0]?.finish('B');
    await answers(2);
    a.runs[0]?.finish('A');
    await answers(3);
    expect(sent).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}', text(1, 'B'), text(1, 'A')]);
  });

  it('are not run again when the server repeats the very same message', async () => {
    const a = slow('a');
    const { server, sent, answers } = await channel([a.tool]);
    server.receive(request(9, 'ping'));
    await answers(1);
    server.receive(call(1, 'a', { n: 1 }));
    server.receive(call(1, 'a', { n: 1 }));
    await vi.waitFor(() => expect(a.runs).toHaveLength(1));
    a.runs[0]?.finish('once');
    await answers(2);
    await settle();
    expect(a.runs).toHaveLength(1);
    server.receive(call(1, 'a', { n: 1 }));
    await vi.waitFor(() => expect(a.runs).toHaveLength(2));
    expect(sent[1]).toBe(text(1, 'once'));
  });

  it('stop when the server cancels them, and nothing is answered', async () => {
    const a = slow('a');
    const { server, sent, events } = await channel([a.tool]);
    server.receive(call('x', 'a'));
    await vi.waitFor(() => expect(a.runs).toHaveLength(1));
    server.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'x' } });
    await vi.waitFor(() => expect(events.at(-1)?.phase).toBe('cancelled'));
    expect(a.runs[0]?.signal.aborted).toBe(true);
    expect(sent).toEqual([]);
  });

  it('are handed over after 29 s, because a later answer with id 1 would be taken for initialize', async () => {
    const a = slow('a');
    const { server, sent, clock, mail, answers } = await channel([a.tool]);
    server.receive(call(1, 'a'));
    await vi.waitFor(() => expect(a.runs).toHaveLength(1));
    await clock.advanceAsync(29_000);
    await answers(1);
    a.runs[0]?.finish('late');
    await vi.waitFor(() => expect(mail).toHaveLength(1));
    await settle();
    expect(sent).toEqual([text(1, '{"status":"running","task_id":"t1"}')]);
  });

  it('become mail when the channel closes, and nothing is sent any more', async () => {
    const a = slow('a');
    const { server, sent, mail } = await channel([a.tool]);
    server.receive(call(1, 'a'));
    await vi.waitFor(() => expect(a.runs).toHaveLength(1));
    await server.close();
    a.runs[0]?.finish('kept');
    await vi.waitFor(() =>
      expect(mail).toEqual([{ taskId: 't1', tool: 'a', outcome: 'done', text: 'kept' }]),
    );
    server.receive(request(2, 'ping'));
    await settle();
    expect(sent).toEqual([]);
  });

  it('become mail when their reply cannot be sent', async () => {
    const { server, mail } = await channel([tool({ name: 'a' })], { send: () => false });
    server.receive(call(1, 'a'));
    await vi.waitFor(() => expect(mail).toMatchObject([{ tool: 'a', text: 'done' }]));
  });

  it('of 200 tools with 1 MB each are all answered, and little of it is kept', async () => {
    const big = (i: number) =>
      tool({ name: `t${i}`, run: () => Promise.resolve({ kind: 'text', text: 'x'.repeat(1 << 20) }) });
    const { server, sent, answers } = await channel(Array.from({ length: 200 }, (_, i) => big(i)));
    for (let i = 0; i < 200; i++) server.receive(call(i, `t${i}`));
    await answers(200);
    expect(Math.max(...sent.map((frame) => Buffer.byteLength(frame)))).toBeLessThan(1300);
  });
});

it('refuses arguments that are nested without end', async () => {
  let deep: Json = {};
  for (let i = 0; i < 100_000; i++) deep = { deep };
  const { server, sent, answers } = await channel([tool({ name: 'a' })]);
  server.receive(call(1, 'a', deep));
  await answers(1);
  expect(sent[0]).toBe(
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Arguments are nested deeper than 32 levels."}}',
  );
});

it('passes a picture on in the standard form', async () => {
  const run = () => Promise.resolve({ kind: 'image', base64: 'AAAA', mimeType: 'image/jpeg' } as const);
  const { server, sent, answers } = await channel([
    builtin({ name: 'p', description: '', run }),
    tool({ name: 'q', run }),
  ]);
  server.receive(call(1, 'q'));
  await answers(1);
  expect(JSON.parse(sent[0] ?? '').result.content).toEqual([
    { type: 'image', data: 'AAAA', mimeType: 'image/jpeg' },
  ]);
});

describe('a channel that takes short messages only', () => {
  const maxPayloadBytes = () => 900;
  const long = (name: string, output: ToolOutput) =>
    tool({ name, maxResultBytes: 100_000, run: () => Promise.resolve(output) });
  const texts = [
    ['ascii', 'x'.repeat(9000)],
    ['quotes', '"'.repeat(9000)],
    ['control characters', 'a\u0001'.repeat(4500)],
    ['Chinese', '温度'.repeat(3000)],
  ] as const;

  it.each(texts)('gets as much of a result as fits, and where the rest is: %s', async (_, whole) => {
    const { server, sent, answers, shelf } = await channel([long('long', { kind: 'text', text: whole })], {
      maxPayloadBytes,
    });
    server.receive(call('an id of some length', 'long'));
    await answers(1);
    const bytes = Buffer.byteLength(sent[0] ?? '');
    expect(bytes).toBeLessThanOrEqual(900);
    expect(bytes).toBeGreaterThan(800);
    const { result } = JSON.parse(sent[0] ?? '') as { result: { content: { text: string }[] } };
    expect(result.content[0]?.text).toContain('self.tasks.read {"task_id":"r1"');
    expect(shelf.get('r1')?.text).toBe(whole);
  });

  it('is told of a picture that does not fit', async () => {
    const picture = { kind: 'image', base64: 'A'.repeat(4000), mimeType: 'image/png' } as const;
    const { server, sent, answers } = await channel([long('photo', picture)], { maxPayloadBytes });
    server.receive(call(1, 'photo'));
    await answers(1);
    expect(sent[0]).toBe(
      text(1, 'Done; the result is a picture (image/png, 3 kB), too large to be passed on here.'),
    );
  });

  it('gets pages that fit, whatever the id, and reads all tools', async () => {
    const tools = Array.from({ length: 30 }, (_, n) =>
      tool({ name: `tool_${n}`, description: 'é'.repeat(40) }),
    );
    const { server, sent, answers } = await channel(tools, { maxPayloadBytes });
    const names: string[] = [];
    let cursor: string | undefined;
    for (let page = 1; page === 1 || cursor !== undefined; page += 1) {
      server.receive(request(`page ${'p'.repeat(page * 10)}`, 'tools/list', { ...(cursor && { cursor }) }));
      await answers(page);
      const answer = sent[page - 1] ?? '';
      expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(900);
      const { result } = JSON.parse(answer) as { result: { tools: { name: string }[]; nextCursor?: string } };
      names.push(...result.tools.map(({ name }) => name));
      cursor = result.nextCursor;
    }
    expect(names).toEqual(tools.map(({ name }) => name));
  });

  it('is never left without an answer: one that cannot be cut is an error, without the id if that is too long', async () => {
    const fails = tool({
      name: 'fails',
      run: () => Promise.reject(new ClientError('TOOL_FAILED', '"'.repeat(900))),
    });
    const { server, sent, answers } = await channel([fails], { maxPayloadBytes });
    server.receive(call(1, 'fails'));
    server.receive(request('i'.repeat(770), 'initialize'));
    server.receive(request('i'.repeat(880), 'nonsense'));
    server.receive(call('i'.repeat(2000), 'fails'));
    server.receive(call('i'.repeat(790), 'unknown'));
    await answers(5);
    for (const answer of sent) expect(Buffer.byteLength(answer)).toBeLessThanOrEqual(900);
    const errors = sent.map((answer) => JSON.parse(answer) as { id: string | null; error: { code: number } });
    expect(
      errors.map(({ id, error }) => [id === null ? null : String(id).length, error.code]).sort(),
    ).toEqual(
      [
        [1, -32603],
        [770, -32603],
        [790, -32601],
        [null, -32603],
        [null, -32603],
      ].sort(),
    );
  });
});

describe('a call that says nothing', () => {
  it('is answered in words', async () => {
    const silent = tool({ name: 'silent', run: () => Promise.resolve({ kind: 'text', text: '\n' }) });
    const { server, sent, answers } = await channel([silent]);
    server.receive(call(1, 'silent'));
    await answers(1);
    expect(sent).toEqual([text(1, 'Done.')]);
  });
});
