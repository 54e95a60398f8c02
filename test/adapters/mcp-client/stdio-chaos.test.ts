import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type Clock, monotonicClock } from '../../../src/core/clock.ts';
import { ClientError, ErrorCode } from '../../../src/core/errors.ts';
import { chaosServer, journalOf, pidsOf } from '../../support/chaos-mcp-server.ts';
import { connect, namesOf, never } from '../../support/mcp-connections.ts';

const journal = async () => join(await mkdtemp(join(tmpdir(), 'mcp-chaos-')), 'journal');
/** A process that nobody has waited for yet is no living one. */
const alive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};
const until = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 20 });

describe.concurrent('a server that does not get ready', () => {
  it('and hangs in initialize is left when the wait is over', async () => {
    const file = await journal();
    const abort = new AbortController();
    const connecting = connect(chaosServer({ initialize: 'hang', journal: file, fork: 'group' }), {
      signal: abort.signal,
    });
    const ended = expect(connecting).rejects.toThrow('Took too long.');
    await until(() => expect(pidsOf(file)).toHaveLength(2));
    abort.abort(new ClientError(ErrorCode.toolTimeout, 'Took too long.'));
    await ended;
    expect(pidsOf(file).filter(alive)).toEqual([]);
  });

  it('but ends is quoted with its last words and its exit code', async () => {
    await expect(connect(chaosServer({ initialize: 'exit' }))).rejects.toMatchObject({
      code: 'TOOL_UNREACHABLE',
      message: 'The MCP server cannot be reached: it ended with exit code 1: Error: API_KEY is not set.',
    });
  });

  it('because its initialize is none is told apart', async () => {
    const answer = JSON.stringify({ jsonrpc: '2.0', id: 0, result: {} });
    const line = `while read -r line; do echo '${answer}'; done`;
    await expect(
      connect({ type: 'stdio', command: 'sh', args: ['-c', line], env: {}, cwd: '/' }),
    ).rejects.toMatchObject({
      code: 'TOOL_BAD_OUTPUT',
      message: 'The MCP server gave no usable answer: it sent something that is no message of MCP.',
    });
  });

  it.each([
    ['nothing but its version', { protocolVersion: '2024-11-05' }],
    ['null for all', { protocolVersion: null, capabilities: null, serverInfo: null }],
    [
      'a version nobody knows',
      { protocolVersion: '2099-01-01', capabilities: { tools: {} }, serverInfo: { name: 'x' } },
    ],
    [
      'odd members',
      {
        protocolVersion: 20241105,
        capabilities: { tools: true, logging: 'x' },
        serverInfo: 'x',
        instructions: 5,
      },
    ],
  ])('unless it only says too little of itself: %s', async (_, result) => {
    const code = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line);
      const result = method === 'initialize' ? ${JSON.stringify(result)} : { tools: [{ name: 'a' }] };
      if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
    })`;
    const server = await connect({
      type: 'stdio',
      command: process.execPath,
      args: ['-e', code],
      env: {},
      cwd: '/',
    });
    expect((await server.listTools(never)).tools).toMatchObject([{ name: 'a' }]);
    await server.close();
  });

  it('but refuses us is quoted', async () => {
    await expect(connect(chaosServer({ initialize: 'refuse' }))).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: 'The MCP server said no: No licence key given.',
    });
  });

  it('because it is not there or may not be run gets a sentence that tells what to do', async () => {
    const start = (command: string, cwd = process.cwd()) =>
      connect({ type: 'stdio', command, args: [], env: {}, cwd }).catch(({ message }) => message);
    expect(await start('no-such-mcp-server')).toBe(
      'The MCP server cannot be reached: the program no-such-mcp-server was not found; install it, or write its full path.',
    );
    expect(
      await connect(chaosServer({}, { command: 'npx', env: { PATH: '/nowhere' } })).catch(String),
    ).toContain('the program npx was not found; install Node.js, or write its full path.');
    expect(await start('cat', '/no/such/place')).toContain('its directory /no/such/place does not exist.');
    expect(await start(import.meta.filename)).toContain(
      `the program ${import.meta.filename} may not be executed; chmod +x it.`,
    );
    expect(await start('true')).toContain('it ended with exit code 0.');
    expect(await start('\0')).toContain('The MCP server cannot be reached: ');
  });
});

describe.concurrent('a server that talks nonsense', () => {
  it('is understood as far as it can be: a byte order mark, null beside a result, text for a number', async ({
    onTestFinished,
  }) => {
    const connection = await connect(chaosServer({ byteOrderMark: true }));
    onTestFinished(() => connection.close());
    const result = { content: [{ type: 'text', text: 'well' }] };
    expect(await connection.text('answer', { result, error: null })).toBe('well');
    expect(await connection.text('answer', { result, error: {}, took: 3 })).toBe('well');
    expect(await connection.text('answer', { result, id: null })).toBe('well');
    await expect(connection.text('answer', { result: null, error: 'no such city' })).rejects.toThrow(
      'The MCP server said no: no such city.',
    );
  });

  it('such as an answer without a result is not waited for', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer());
    onTestFinished(() => connection.close());
    for (const answer of [{ result: null }, {}, { error: 7 }])
      await expect(
        connection.callTool('answer', answer, { signal: never, timeoutMs: 60_000 }),
      ).rejects.toMatchObject({
        code: 'TOOL_BAD_OUTPUT',
        message: 'The MCP server gave no usable answer: its answer has no result.',
      });
  });

  it('on standard output is understood between the lines', async ({ onTestFinished }) => {
    const greeting = ['Welcome!', '', '{"half":', '[]', '{"not":"rpc"}', '{"jsonrpc":"2.0"}'];
    const connection = await connect(chaosServer({ greeting }));
    onTestFinished(() => connection.close());
    expect(await connection.text('echo', { text: 'hi' })).toBe('hi');
    expect(connection.log.slice(0, 2)).toEqual([
      '(on standard output) Welcome!',
      '(on standard output) {"half":',
    ]);
  });

  it('and floods standard error is slowed down, and its calls are answered', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer({ floodStderr: true }));
    onTestFinished(() => connection.close());
    for (let n = 0; n < 20; n++) expect(await connection.text('echo', { text: `${n}` })).toBe(`${n}`);
    expect(connection.log.length).toBeLessThan(500);
  });

  it('and sends a message without an end loses the connection', async () => {
    const file = await journal();
    const connection = await connect(chaosServer({ journal: file }));
    await expect(connection.text('giant', { bytes: 9_000_000 })).rejects.toMatchObject({
      code: 'TOOL_BAD_OUTPUT',
      message: 'The MCP server gave no usable answer: it sent a message of more than 8388608 bytes.',
    });
    await connection.close();
    expect(connection.closedWith.map(({ code }) => code)).toEqual(['TOOL_BAD_OUTPUT']);
    expect(pidsOf(file).filter(alive)).toEqual([]);
  });

  it('never shows what is secret in its configuration', async ({ onTestFinished }) => {
    const connection = await connect(
      chaosServer({}, { env: { WEATHER_API_KEY: 'sk-very-secret', MODE: 'plain' } }),
    );
    onTestFinished(() => connection.close());
    await connection.text('log', { text: 'using sk-very-secret in plain mode' });
    await connection.text('notice', { data: 'sk-very-secret' });
    await until(() =>
      expect(connection.log).toEqual(expect.arrayContaining(['using •••• in plain mode', 'info: ••••'])),
    );
    await expect(connection.text('reject', { message: 'bad key sk-very-secret' })).rejects.toThrow(
      'The MCP server said no: bad key ••••.',
    );
  });

  it('never shows what looks like a token, or stands in an argument', async ({ onTestFinished }) => {
    const [anywhere, inHeader, inFlag] = ['ghp_16C7e42F292c6912E7', 'header-secret', 'flag-secret'];
    const { args } = chaosServer();
    const connection = await connect(
      chaosServer(
        {},
        {
          env: {
            GITHUB_PAT: anywhere,
            PLACE: '/home/me/number-17/notes',
            SMTP_PASS: 'hunter2',
            DB_PWD: 'tiger',
          },
          args: [...args, '--header', `Authorization: Bearer ${inHeader}`, `--header=X-Key: ${inFlag}`],
        },
      ),
    );
    onTestFinished(() => connection.close());
    await connection.text('log', {
      text: `${anywhere} ${inHeader} ${inFlag} hunter2 tiger /home/me/number-17/notes`,
    });
    await until(() => expect(connection.log).toContain('•••• •••• •••• •••• •••• /home/me/number-17/notes'));
  });
});

describe.concurrent('a list', () => {
  it('loses only the tools that are wrong', async ({ onTestFinished }) => {
    const tools = [
      {
        name: 'good',
        description: 'Works',
        inputSchema: { type: 'object', required: null },
        outputSchema: {},
      },
      { name: 'no schema' },
      { name: 'text', inputSchema: { type: 'string' } },
      { inputSchema: { type: 'object' } },
      { name: 'good', inputSchema: { type: 'object' } },
      null,
    ];
    const connection = await connect(chaosServer({ tools }));
    onTestFinished(() => connection.close());
    expect(await connection.listTools(never)).toEqual({
      tools: [
        { name: 'good', description: 'Works', inputSchema: { type: 'object', properties: {} } },
        { name: 'no schema', description: '', inputSchema: { type: 'object', properties: {} } },
      ],
      faults: [
        'The tool text is left out: its input schema is not one of an object.',
        'A tool without a name is left out.',
        'The tool good is listed twice; the first one counts.',
        'A tool without a name is left out.',
      ],
    });
  });

  it('is read over all its pages', async ({ onTestFinished }) => {
    const tools = Array.from({ length: 7 }, (_, n) => ({ name: `t${n}`, inputSchema: { type: 'object' } }));
    const connection = await connect(chaosServer({ tools, pageSize: 3 }));
    onTestFinished(() => connection.close());
    expect(await namesOf(connection)).toEqual(['t0', 't1', 't2', 't3', 't4', 't5', 't6']);
  });

  it('without an end is read to a bound', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer({ pages: 'endless' }));
    onTestFinished(() => connection.close());
    const { tools, faults } = await connection.listTools(never);
    expect(tools).toHaveLength(100);
    expect(faults).toEqual(['The list has more than 100 pages; the rest was not read.']);
  });

  it('that changes is announced, and a storm of changes costs one reading a second', async ({
    onTestFinished,
  }) => {
    const connection = await connect(chaosServer());
    onTestFinished(() => connection.close());
    const startMs = performance.now();
    await connection.text('add_tool', { name: 'fresh' });
    await until(() => expect(connection.changes()).toBe(1));
    expect(await namesOf(connection)).toContain('fresh');
    await connection.text('storm', { count: 300 });
    await until(() => expect(connection.changes()).toBe(2));
    const seconds = (performance.now() - startMs) / 1000;
    expect(connection.changes()).toBeLessThanOrEqual(2 + seconds);
  });
});

describe.concurrent('a call', () => {
  it('that takes too long is cancelled at the server, and its late answer is nobody’s', async ({
    onTestFinished,
  }) => {
    const file = await journal();
    const connection = await connect(chaosServer({ journal: file }));
    onTestFinished(() => connection.close());
    // Of its 50 ms 4 had passed before it got here.
    await expect(connection.text('sleep', { ms: 300 }, 46)).rejects.toMatchObject({
      code: 'TOOL_TIMEOUT',
      message: 'The tool sleep did not finish within 0.05 seconds and was stopped.',
    });
    await until(() => expect(journalOf(file).join()).toContain('notifications/cancelled {"requestId":'));
    expect(await connection.text('sleep', { ms: 500 })).toBe('slept 500');
    expect(connection.closedWith).toEqual([]);
  });

  it('ends with its signal', async ({ onTestFinished }) => {
    const file = await journal();
    const connection = await connect(chaosServer({ journal: file }));
    onTestFinished(() => connection.close());
    const abort = new AbortController();
    const calling = connection.callTool('never', {}, { signal: abort.signal, timeoutMs: 60_000 });
    const ended = expect(calling).rejects.toMatchObject({ code: 'TOOL_CANCELLED' });
    await until(() => expect(journalOf(file)).toContain('call never'));
    abort.abort();
    await ended;
    await until(() => expect(journalOf(file).join()).toContain('notifications/cancelled'));
    await expect(
      connection.callTool('echo', {}, { signal: abort.signal, timeoutMs: 1000 }),
    ).rejects.toMatchObject({ code: 'TOOL_CANCELLED' });
  });

  it('that is under way when the connection is closed ends at once', async () => {
    const connection = await connect(chaosServer({ ignoreTerm: true }));
    const calling = expect(connection.text('never')).rejects.toThrow('the connection was closed.');
    const closing = connection.close();
    await calling;
    await closing;
    expect(connection.closedWith).toEqual([]);
  });

  it('in which the server dies says how it died, and the connection is over once', async () => {
    const connection = await connect(chaosServer());
    const others = connection.text('never');
    const dead = {
      code: 'TOOL_UNREACHABLE',
      message: 'The MCP server cannot be reached: it ended with exit code 3: out of memory.',
      retryable: true,
    };
    const [died, other] = await Promise.allSettled([connection.text('die'), others]);
    expect(died).toMatchObject({ status: 'rejected', reason: dead });
    expect(other).toMatchObject({ status: 'rejected', reason: dead });
    expect(connection.closedWith).toMatchObject([dead]);
    await expect(connection.text('echo')).rejects.toMatchObject(dead);
    await expect(connection.ping(1000)).rejects.toMatchObject(dead);
    await connection.close();
    expect(connection.closedWith).toHaveLength(1);
  });

  it('brings results of every kind, and failures as results', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer());
    onTestFinished(() => connection.close());
    const raw = (result: unknown) =>
      connection.callTool('raw', { result }, { signal: never, timeoutMs: 5000 });
    expect(await connection.callTool('fail', {}, { signal: never, timeoutMs: 5000 })).toEqual({
      content: [{ type: 'text', text: 'No such city' }],
      isError: true,
    });
    const image = { type: 'image', data: 'AAAA', mimeType: 'image/png' };
    const content = [
      image,
      { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
      { type: 'resource', resource: { uri: 'a:b', text: 'inside' } },
      { type: 'resource', resource: { uri: 'a:b', blob: 'AAAA', mimeType: 'image/png' } },
      { type: 'resource', resource: { uri: 'a:b', blob: 'AAAA' } },
      { type: 'resource_link', uri: 'https://example.org/x', name: 'X' },
      { type: 'text', text: 7 },
      'nonsense',
    ];
    expect(await raw({ content, structuredContent: { a: [1] } })).toEqual({
      content: [
        image,
        { type: 'other', kind: 'audio' },
        { type: 'text', text: 'inside' },
        image,
        { type: 'other', kind: 'resource' },
        { type: 'text', text: 'X: https://example.org/x' },
        { type: 'text', text: '7' },
        { type: 'text', text: 'nonsense' },
      ],
      structuredContent: { a: [1] },
      isError: false,
    });
    expect(await raw({})).toEqual({ content: [], isError: false });
    expect(await raw({ content: 'text' })).toEqual({
      content: [{ type: 'text', text: 'text' }],
      isError: false,
    });
  });
});

describe.concurrent('the other direction', () => {
  it('answers pings, and has neither files nor a model to lend', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer());
    onTestFinished(() => connection.close());
    expect(await connection.text('ask', { method: 'ping' })).toBe('{}');
    for (const method of ['roots/list', 'sampling/createMessage', 'elicitation/create', 'no/such'])
      expect(JSON.parse(await connection.text('ask', { method }))).toMatchObject({ code: -32601 });
  });

  it('notices when a ping is not answered', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer({ ping: 'hang' }));
    onTestFinished(() => connection.close());
    await expect(connection.ping(50)).rejects.toMatchObject({ code: 'TOOL_UNREACHABLE' });
  });

  it.each([
    { pingAnswer: { error: { code: -32601, message: 'Method not found' } } },
    { pingAnswer: { error: 'not here' } },
    { pingAnswer: { error: { message: 'no code' } } },
    { pingAnswer: { result: [] } },
    { pingAnswer: { result: null } },
    { pingAnswer: { result: 'pong' } },
    { pingAnswer: {} },
    { pingAnswer: { id: null, error: { code: -32700, message: 'Parse error' } } },
    { pingLine: 'pong' },
    { pingLine: '' },
    { pingLine: '[]' },
  ])('takes any answer to a ping as life: %j', async (options) => {
    const connection = await connect(chaosServer(options));
    await connection.ping(3000);
    expect(connection.closedWith).toEqual([]);
    await connection.close();
  });
});

describe.concurrent('a child', () => {
  it('finds its own variables and place, and nothing of ours', async ({ onTestFinished }) => {
    const connection = await connect(chaosServer({}, { env: { UNITS: 'metric' }, cwd: '/tmp' }), {
      env: { PATH: process.env.PATH, XIAOZHI_SECRET: 'ours' },
    });
    onTestFinished(() => connection.close());
    expect(await connection.text('env', { name: 'UNITS' })).toBe('metric');
    expect(await connection.text('env', { name: 'XIAOZHI_SECRET' })).toBe('');
    expect(await connection.text('cwd')).toBe('/tmp');
    expect(await connection.text('pid')).toBe(String(connection.pid));
  });

  it('ends with all it has started, even what hides in a session of its own and ignores TERM', async () => {
    const file = await journal();
    const connection = await connect(chaosServer({ journal: file, fork: 'hidden', ignoreTerm: true }));
    await connection.text('fork', { hidden: false });
    expect(pidsOf(file)).toHaveLength(3);
    await connection.close();
    expect(pidsOf(file).filter(alive)).toEqual([]);
  });

  it('that dies takes along what it has started', async () => {
    const file = await journal();
    const connection = await connect(chaosServer({ journal: file, fork: 'hidden' }));
    await expect(connection.text('die')).rejects.toThrow('out of memory');
    await until(() => expect(pidsOf(file).filter(alive)).toEqual([]));
    await connection.close();
  });
});

it('leaves no timer behind, in whatever it was doing', async () => {
  const pending = new Set<unknown>();
  const clock: Clock = {
    now: monotonicClock.now,
    setTimeout: (callback, delayMs) => {
      const timer = setTimeout(() => {
        pending.delete(timer);
        callback();
      }, delayMs);
      pending.add(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      pending.delete(timer);
      clearTimeout(timer as NodeJS.Timeout);
    },
  };
  const connection = await connect(chaosServer({ floodStderr: true }), { clock });
  const calling = expect(connection.text('never')).rejects.toThrow('closed');
  await connection.text('storm', { count: 150 });
  await until(() => expect(connection.changes()).toBe(1));
  await connection.close();
  await calling;
  expect([...pending]).toEqual([]);
});

it('leaves no descriptor open after twenty servers', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const round = async () => {
    const connection = await connect(chaosServer());
    await connection.text('echo', { text: 'hi' });
    await connection.close();
  };
  await round();
  const before = open();
  await Promise.all(Array.from({ length: 20 }, round));
  expect(open()).toBe(before);
});
