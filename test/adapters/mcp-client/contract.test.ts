import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { McpServerTarget } from '../../../src/ports/mcp-client.ts';
import { connect, namesOf, never } from '../../support/mcp-connections.ts';
import { npmServer, startEverything } from '../../support/mcp-servers.ts';

const overHttp = (url: string, transport: 'auto' | 'streamable' | 'sse'): McpServerTarget => ({
  type: 'http',
  url,
  headers: {},
  transport,
});

type CleanUp = (step: () => Promise<void>) => void;

async function everything(kind: 'sse' | 'streamableHttp', cleanUp: CleanUp) {
  const server = await startEverything(kind);
  cleanUp(server.stop);
  return server.url;
}

const roads = {
  'over stdio': { is: 'stdio', target: () => npmServer('server-everything', ['stdio']) },
  'over streamable HTTP': {
    is: 'http',
    target: async (cleanUp: CleanUp) => overHttp(await everything('streamableHttp', cleanUp), 'auto'),
  },
  'over SSE, as second try': {
    is: 'sse',
    target: async (cleanUp: CleanUp) => overHttp(await everything('sse', cleanUp), 'auto'),
  },
  'over SSE by name': {
    is: 'sse',
    target: async (cleanUp: CleanUp) => overHttp(await everything('sse', cleanUp), 'sse'),
  },
} as const;

describe.concurrent.each(Object.entries(roads))('a real server %s', (_, { is, target }) => {
  it('introduces itself, lists its tools, runs them, answers pings and is left without a word', async ({
    onTestFinished,
  }) => {
    const connection = await connect(await target(onTestFinished));
    const { tools, faults } = await connection.listTools(never);
    const echo = tools.find(({ name }) => name === 'echo');
    const call = (tool: string, args = {}) =>
      connection.callTool(tool, args, { signal: never, timeoutMs: 10_000 });

    expect(connection.transport).toBe(is);
    expect(connection.server).toEqual({ name: 'mcp-servers/everything', version: '2.0.0' });
    expect(connection.pid === undefined).toBe(is !== 'stdio');
    expect(faults).toEqual([]);
    expect(echo).toMatchObject({
      description: 'Echoes back the input string',
      inputSchema: { type: 'object', required: ['message'] },
    });
    expect(await call('echo', { message: '你好' })).toEqual({
      content: [{ type: 'text', text: 'Echo: 你好' }],
      isError: false,
    });
    expect((await call('get-tiny-image')).content.map(({ type }) => type)).toEqual(['text', 'image', 'text']);
    expect(await call('get-structured-content', { location: 'Chicago' })).toMatchObject({
      structuredContent: { temperature: expect.any(Number) },
    });
    expect(await call('echo', {})).toMatchObject({ isError: true });
    await connection.ping(5000);
    await connection.close();
    await connection.close();
    expect(connection.closedWith).toEqual([]);
    await expect(call('echo', { message: 'late' })).rejects.toMatchObject({ code: 'TOOL_UNREACHABLE' });
  });
});

describe.concurrent('other real servers', () => {
  it('read and write files', async ({ onTestFinished }) => {
    const directory = await mkdtemp(join(tmpdir(), 'mcp-files-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const connection = await connect(npmServer('server-filesystem', [directory]));
    onTestFinished(() => connection.close());
    expect(await namesOf(connection)).toContain('read_text_file');
    const path = join(directory, 'note.txt');
    await connection.text('write_file', { path, content: 'milk' });
    expect(await readFile(path, 'utf8')).toBe('milk');
    expect(await connection.text('read_text_file', { path })).toBe('milk');
    expect(
      await connection.callTool(
        'read_text_file',
        { path: '/etc/shadow' },
        { signal: never, timeoutMs: 5000 },
      ),
    ).toMatchObject({ isError: true });
  });

  it('remember', async ({ onTestFinished }) => {
    const directory = await mkdtemp(join(tmpdir(), 'mcp-memory-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const env = { MEMORY_FILE_PATH: join(directory, 'memory.json') };
    const first = await connect(npmServer('server-memory', [], env));
    await first.text('create_entities', {
      entities: [{ name: 'Ada', entityType: 'person', observations: ['likes tea'] }],
    });
    await first.close();
    const second = await connect(npmServer('server-memory', [], env));
    onTestFinished(() => second.close());
    expect(await second.text('search_nodes', { query: 'tea' })).toContain('Ada');
  });
});
