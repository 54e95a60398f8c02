import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { createMcpSession } from '../../src/demo-server/mcp-session.ts';
import { type DemoBench, type DemoClient, type Json, startDemoBench } from '../support/demo-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const sent: Json[] = [];
  const session = createMcpSession({
    send: (payload) => sent.push(payload as Json),
    clock,
    logger: silentLogger,
  });
  return { clock, sent, session, last: () => sent.at(-1) };
}

const result = (id: unknown, value: unknown) => ({ jsonrpc: '2.0', id, result: value });

/** A session that knows the tools of the device. */
function setUpListed() {
  const all = setUp();
  all.session.start();
  all.session.receive(result(1, {}));
  all.clock.advance(1000);
  all.session.receive(result(2, { tools: [{ name: 'lamp', description: 'A lamp' }] }));
  return all;
}

describe('the MCP session of the demo server', () => {
  it('initializes with id 1 and lists the tools with id 2, one second after the answer', () => {
    const { clock, sent, session } = setUp();
    session.start();
    expect(sent).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2024-11-05',
          capabilities: { roots: { listChanged: true }, sampling: {} },
          clientInfo: { name: 'xiaozhi-speaker demo server', version: '1.0.0' },
        },
      },
    ]);
    session.receive(result('1', {}));
    clock.advance(999);
    expect(sent.length).toBe(1);
    clock.advance(1);
    expect(sent.slice(1)).toEqual([{ jsonrpc: '2.0', id: 2, method: 'tools/list' }]);
  });

  it('follows the pages to the last and knows the tools then', () => {
    const { clock, session, last } = setUp();
    session.start();
    session.receive(result(1, {}));
    clock.advance(1000);
    session.receive(result(2, { tools: [{ name: 'a' }], nextCursor: 'b' }));
    expect(last()).toEqual({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: { cursor: 'b' } });
    expect(session.tools).toEqual([]);
    session.receive(result(2, { tools: [{ name: 'b', description: 'second' }] }));
    expect(session.tools).toEqual([
      { name: 'a', description: '' },
      { name: 'b', description: 'second' },
    ]);
  });

  it('gives up on a device whose pages never end', () => {
    const { clock, sent, session } = setUp();
    session.start();
    session.receive(result(1, {}));
    clock.advance(1000);
    for (let i = 0; i < 100; i++) session.receive(result(2, { tools: [], nextCursor: 'again' }));
    expect(sent.length).toBe(1 + 64);
  });

  it('never lists when initialize is refused', () => {
    const { clock, sent, session } = setUp();
    session.start();
    session.receive({ jsonrpc: '2.0', id: 1, error: { message: 'no' } });
    clock.advance(60_000);
    expect([sent.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  it('calls tools with fresh ids and gives each answer to its caller, in any order', async () => {
    const { session, sent } = setUpListed();
    const answers = Promise.all([
      session.call('lamp', { on: true }),
      session.call('gone', {}),
      session.call('broken', {}),
      session.call('odd', {}),
    ]);
    expect(sent.slice(-4).map(({ id, method }) => [id, method])).toEqual([
      [3, 'tools/call'],
      [4, 'tools/call'],
      [5, 'tools/call'],
      [6, 'tools/call'],
    ]);
    expect(sent.at(-4)?.params).toEqual({ name: 'lamp', arguments: { on: true } });
    session.receive({ jsonrpc: '2.0', id: 4, error: { message: 'Unknown tool: gone' }, result: null });
    session.receive(result(5, { content: [{ type: 'text', text: 'fuse blown' }], isError: true }));
    session.receive(
      result('3', {
        content: [
          { type: 'text', text: 'on' },
          { type: 'image', data: '' },
        ],
      }),
    );
    session.receive(result(6, 'done'));
    expect(await answers).toEqual([
      { ok: true, text: 'on\n[image]' },
      { ok: false, reason: 'Unknown tool: gone' },
      { ok: false, reason: 'fuse blown' },
      { ok: false, reason: expect.stringContaining('the result has no content') },
    ]);
  });

  it('waits 30 s for an answer and ignores it when it comes later', async () => {
    const { clock, session } = setUpListed();
    const answer = session.call('lamp', {});
    clock.advance(30_000);
    expect(await answer).toEqual({ ok: false, reason: 'no answer within 30 s' });
    session.receive(result(3, { content: [] }));
    expect(clock.pendingTimers).toBe(0);
  });

  it('settles every call when the channel closes, and takes no more', async () => {
    const { clock, session } = setUpListed();
    const answer = session.call('lamp', {});
    session.stop();
    expect(await answer).toEqual({ ok: false, reason: 'the channel was closed' });
    expect(await session.call('lamp', {})).toEqual({ ok: false, reason: 'the channel is closed' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('holds at most 64 unanswered calls', async () => {
    const { session } = setUpListed();
    for (let i = 0; i < 64; i++) void session.call('lamp', {});
    expect(await session.call('lamp', {})).toEqual({ ok: false, reason: '64 calls are unanswered' });
  });
});

describe('text commands', () => {
  let bench: DemoBench;
  afterEach(() => bench.stop());

  /** What the server answers to `text` when the device answers calls with `reply`. */
  async function ask(text: string, reply?: (request: Json) => object, mcp = true): Promise<string> {
    bench = await startDemoBench();
    const client = await bench.greet({ type: 'hello', features: { mcp } });
    if (mcp) await listTools(client);
    client.send({ type: 'listen', state: 'detect', text });
    const calls = () => requests(client, 'tools/call');
    await bench.until(() => client.story().includes('tts start') || calls().length > 0);
    const [request] = calls();
    if (reply && request)
      client.send({ type: 'mcp', payload: { ...reply(request), jsonrpc: '2.0', id: request.id } });
    await bench.until(() => client.story().includes('tts stop'));
    return String(client.messages.find(({ state }) => state === 'sentence_start')?.text);
  }

  async function listTools(client: DemoClient): Promise<void> {
    await bench.until(() => requests(client, 'initialize').length === 1);
    client.send({ type: 'mcp', payload: result(1, {}) });
    await bench.until(() => requests(client, 'tools/list').length === 1);
    client.send({
      type: 'mcp',
      payload: result(2, { tools: [{ name: 'self.lamp' }, { name: 'self.door' }] }),
    });
    client.send({ type: 'abort' });
    await bench.until(() => client.story().includes('tts stop'));
    client.messages.splice(
      client.messages.findIndex(({ state }) => state === 'stop'),
      1,
    );
  }

  const requests = (client: DemoClient, method: string): Json[] =>
    client.messages.flatMap(({ type, payload }) =>
      type === 'mcp' && (payload as Json).method === method ? [payload as Json] : [],
    );

  it('call a tool and speak its result', async () => {
    const text = await ask('call self.lamp {"on": true}', ({ params }) => ({
      result: { content: [{ type: 'text', text: `lamp: ${JSON.stringify(params)}` }] },
    }));
    expect(text).toBe('lamp: {"name":"self.lamp","arguments":{"on":true}}');
  });

  it('speak the reason when the tool fails', async () => {
    const text = await ask('CALL self.lamp', () => ({ error: { message: 'no bulb' } }));
    expect(text).toBe('The tool self.lamp failed: no bulb');
  });

  it('speak that a tool was silent for 30 s', async () => {
    expect(await ask('call self.lamp')).toBe('The tool self.lamp failed: no answer within 30 s');
  });

  it('explain how arguments are written', async () => {
    expect(await ask('call self.lamp {on}')).toContain('The arguments must be a JSON object');
    await bench.stop();
    expect(await ask('call self.lamp [1]')).toContain('The arguments must be a JSON object');
  });

  it('name the tools of the device', async () => {
    expect(await ask('tools')).toBe('Your device offers 2 tools: self.lamp, self.door.');
  });

  it('say so when the device has none', async () => {
    expect(await ask('call self.lamp', undefined, false)).toBe('This device offers no tools.');
    await bench.stop();
    expect(await ask('tools', undefined, false)).toBe('This device offers no tools.');
  });

  it('help', async () => {
    expect(await ask('Help', undefined, false)).toContain('Type "tools"');
  });
});
