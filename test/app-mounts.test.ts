import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createMountSwitches } from '../src/app-installs.ts';
import { createMountService } from '../src/app-mounts.ts';
import { loadConfig } from '../src/config/load.ts';
import { type MountSections, readMountSections } from '../src/config/mounts.ts';
import { monotonicClock } from '../src/core/clock.ts';
import type { ClientError } from '../src/core/errors.ts';
import { silentLogger } from '../src/core/logger.ts';
import { createDispatcher } from '../src/mcp/dispatcher.ts';
import type { MountSwitches } from '../src/mcp/mounts/mount-switches.ts';
import { createChannelServer } from '../src/mcp/server.ts';
import { startChaosHttp } from './support/chaos-mcp-http.ts';
import {
  type ChaosOptions,
  chaosServer,
  chaosServerFile,
  journalOf,
  pidsOf,
} from './support/chaos-mcp-server.ts';
import { mcpParts, tool } from './support/mcp-parts.ts';
import { patience } from './support/patience.ts';
import { ended } from './support/tool-program.ts';

const endings: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mounts-'));
  endings.push(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** An entry of `mcpServers` for a server that misbehaves. */
function chaos(options: ChaosOptions = {}, more: object = {}) {
  const { command, args } = chaosServer(options);
  return { command, args, ...more };
}

/** A device with a built-in tool, a channel, and these servers. */
async function device(
  config: MountSections,
  cacheDirectory = freshDirectory(),
  stateDirectory = freshDirectory(),
  switches?: MountSwitches,
) {
  const fake = await mcpParts([tool({ name: 'own' })]);
  // Processes take real time, and so do their calls.
  const dispatcher = createDispatcher({
    ...fake,
    keeper: fake.tasks,
    clock: monotonicClock,
    logger: silentLogger,
    onEvent: () => {},
  });
  const parts = { ...fake, dispatcher };
  const problems: string[] = [];
  const service = createMountService({
    config,
    baseDirectory: resolve(import.meta.dirname, '..'),
    cacheDirectory,
    switches:
      switches ??
      (await createMountSwitches({
        stateDirectory,
        onProblem: ({ message }) => problems.push(message),
      })),
    env: process.env,
    clock: monotonicClock,
    logger: silentLogger,
    onTools: parts.registry.publish,
    onProblem: ({ message }: ClientError) => problems.push(message),
  });
  endings.push(() => service.close());
  const origin = { channel: 'device' };
  const call = async (name: string, args = {}) => {
    const reply = await parts.dispatcher.call(name, args, origin);
    if (reply.kind === 'failure') return reply.error.message;
    const [content] = reply.kind === 'content' ? reply.content : [];
    return content?.type === 'text' ? content.text : reply.kind;
  };
  const state = (name: string) => service.mounts.statuses().find((status) => status.name === name)?.state;
  const until = (name: string, wanted: string) =>
    vi.waitFor(() => expect(state(name)).toBe(wanted), { timeout: 20_000 * patience });
  const offered = () => parts.registry.list().map(({ name }) => name);
  const untilOffered = (names: readonly string[]) =>
    vi.waitFor(() => expect(offered()).toEqual(names), { timeout: 20_000 * patience });
  return {
    ...parts,
    service,
    problems,
    call,
    state,
    until,
    offered,
    untilOffered,
    cacheDirectory,
    stateDirectory,
  };
}

/** What a server at the other end of a channel reads as the list of tools. */
async function listOn({ registry, access, dispatcher }: Awaited<ReturnType<typeof device>>) {
  let onListed = (_names: readonly string[]) => {};
  const names = new Promise<readonly string[]>((resolve) => {
    onListed = resolve;
  });
  const channel = createChannelServer({
    registry,
    access,
    dispatcher,
    name: 'speaker',
    version: '1',
    channel: 'device',
    logger: silentLogger,
    send(payload) {
      const { id, result } = payload as { id: number; result: { tools: { name: string }[] } };
      if (id === 2) onListed(result.tools.map(({ name }) => name));
      return true;
    },
  });
  channel.receive({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
  channel.receive({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
  const read = await names;
  await channel.close();
  return read;
}

describe('mounted servers that are real processes', () => {
  it.concurrent('are called, and end with the device', async () => {
    const journal = join(freshDirectory(), 'journal');
    const { service, untilOffered, call, problems } = await device({
      mcpServers: { chaos: chaos({ journal, fork: 'group' }) },
    });
    await service.start();
    await untilOffered(['own', 'chaos__echo', 'chaos__sleep']);
    expect(await call('chaos__echo', { text: 'hello' })).toBe('hello');
    expect(await call('chaos__sleep', { ms: 1 })).toBe('slept 1');
    await service.close();
    expect(pidsOf(journal)).toHaveLength(2);
    await ended(pidsOf(journal));
    expect(problems).toEqual([]);
  });

  it.concurrent('are offered from the cache at once by the next start, also when one of them hangs', async () => {
    const program = join(freshDirectory(), 'server.mjs');
    const mcpServers = { a: { command: process.execPath, args: [program, '{}'] }, b: chaos() };
    const tools = ['own', 'a__echo', 'a__sleep', 'b__echo', 'b__sleep'];
    writeFileSync(program, `import ${JSON.stringify(chaosServerFile)};`);
    const first = await device({ mcpServers });
    await first.service.start();
    await first.untilOffered(tools);
    await first.service.close();
    writeFileSync(program, 'process.stdin.resume();');
    const second = await device({ mcpServers }, first.cacheDirectory);
    await second.service.start();
    expect(second.state('a')).toBe('starting');
    expect(await listOn(second)).toEqual(tools);
    expect(await second.call('b__echo', { text: 'there' })).toBe('there');
  });

  it.concurrent('keep nobody waiting when one hangs in initialize', async () => {
    const hanging = { initialize: 'hang' } as const;
    const parts = await device({ mcpServers: { hangs: chaos(hanging), well: chaos() } });
    await parts.service.start();
    expect(await listOn(parts)).toEqual(['own']);
    await parts.untilOffered(['own', 'well__echo', 'well__sleep']);
    expect(parts.state('hangs')).toBe('starting');
  });

  it.concurrent('that die in a call are started again; the call is not repeated', async () => {
    const journal = join(freshDirectory(), 'journal');
    const tools = ['echo', 'die', 'pid'].map((name) => ({
      name,
      description: name,
      inputSchema: { type: 'object' },
    }));
    const { service, until, untilOffered, call } = await device({
      mcpServers: { chaos: chaos({ journal, tools }) },
    });
    await service.start();
    await untilOffered(['own', 'chaos__die', 'chaos__echo', 'chaos__pid']);
    expect(await call('chaos__pid')).toBe(String(pidsOf(journal)[0]));
    expect(await call('chaos__die')).toContain('out of memory');
    await until('chaos', 'ready');
    expect(await call('chaos__pid')).toBe(String(pidsOf(journal)[1]));
    expect(journalOf(journal).filter((line) => line === 'call die')).toHaveLength(1);
    expect(service.mounts.logs('chaos').join('\n')).toContain('out of memory');
  });

  it.concurrent('that have forgotten the session over HTTP are called all the same, once', async () => {
    const http = await startChaosHttp();
    endings.push(http.stop);
    const { service, until, untilOffered, call } = await device({
      mcpServers: { web: { url: http.url } },
    });
    await service.start();
    await untilOffered(['own', 'web__echo']);
    http.forget();
    expect(await call('web__echo', { text: 'still there' })).toBe('still there');
    expect(await call('web__echo', { text: 'again' })).toBe('again');
    await until('web', 'ready');
    expect(http.methods().filter((method) => method === 'initialize')).toHaveLength(2);
    expect(http.methods().filter((method) => method === 'tools/call')).toHaveLength(3);
  });

  it.concurrent('lose only the tools that are wrong, and those on later pages are read', async () => {
    const object = { type: 'object' };
    const tools = [
      { name: 'one', description: 'd', inputSchema: object },
      { description: 'It has no name.' },
      7,
      { name: 'two', description: 'd', inputSchema: object },
      { name: 'three', description: 'd', inputSchema: object },
    ];
    const { service, untilOffered } = await device({ mcpServers: { s: chaos({ tools, pageSize: 2 }) } });
    await service.start();
    await untilOffered(['own', 's__one', 's__three', 's__two']);
  });

  it.concurrent('offer and take no call of a tool that is switched off', async () => {
    const { service, untilOffered, call } = await device({
      mcpServers: { s: chaos() },
      mcpServerConfig: { s: { tools: { echo: { enable: false }, sleep: { alias: 'nap' } } } },
    });
    await service.start();
    await untilOffered(['own', 'nap']);
    expect(await call('s__echo', { text: 'x' })).toBe('Unknown tool: s__echo');
    expect(await call('s__sleep', { ms: 1 })).toBe('Unknown tool: s__sleep');
    expect(await call('nap', { ms: 1 })).toBe('slept 1');
  });

  it.concurrent('are read once a second however often they say that their list changed', async () => {
    const journal = join(freshDirectory(), 'journal');
    const { service, until } = await device({ mcpServers: { s: chaos({ journal, stormPerSecond: 100 }) } });
    await service.start();
    await until('s', 'ready');
    const lists = () => journalOf(journal).filter((line) => line === 'list').length;
    const [before, startMs] = [lists(), performance.now()];
    await vi.waitFor(() => expect(lists()).toBeGreaterThan(before + 1), { timeout: 20_000 * patience });
    expect(lists() - before).toBeLessThanOrEqual(2 + (performance.now() - startMs) / 1000);
  });

  it.concurrent('stay switched off over a restart, until their name leaves the configuration', async () => {
    const mcpServers = { a: chaos(), b: chaos() };
    const first = await device({ mcpServers });
    await first.service.start();
    await first.service.mounts.disable('a');
    await first.service.close();
    const restarted = () => device({ mcpServers }, first.cacheDirectory, first.stateDirectory);
    const second = await restarted();
    await second.service.start();
    await second.untilOffered(['own', 'b__echo', 'b__sleep']);
    expect(second.state('a')).toBe('disabled');
    await second.service.update({ mcpServers: { a: {}, b: mcpServers.b } });
    await second.service.update({ mcpServers });
    expect(second.state('a')).toBe('disabled');
    await second.service.update({ mcpServers: { b: mcpServers.b } });
    await second.service.close();
    const third = await restarted();
    await third.service.start();
    await third.untilOffered(['own', 'a__echo', 'a__sleep', 'b__echo', 'b__sleep']);
  });

  it.concurrent('are closed when what was chosen for names of before is forgotten on disk', async () => {
    let written = false;
    const { service } = await device({ mcpServers: {} }, undefined, undefined, {
      chosen: () => undefined,
      choose: () => Promise.resolve(),
      retain: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        written = true;
      },
    });
    await service.close();
    expect(written).toBe(true);
  });

  it.concurrent('follow the configuration, and what is wrong in it is told', async () => {
    const { service, untilOffered, problems, state } = await device({ mcpServers: { a: chaos(), bad: {} } });
    expect(problems).toEqual([
      'Some MCP servers in the configuration are not right and are left out:\n  mcpServers.bad: must have either a command or a url',
    ]);
    await service.start();
    await untilOffered(['own', 'a__echo', 'a__sleep']);
    await service.update({ mcpServers: { missing: { command: '/nowhere/mcp' }, b: chaos() } });
    await untilOffered(['own', 'b__echo', 'b__sleep']);
    await vi.waitFor(() => expect(state('missing')).toBe('restarting'), { timeout: 20_000 * patience });
    expect(service.mounts.statuses()[0]?.lastProblem).toContain('/nowhere/mcp');
  });
});

it('the example of the guide runs as shown', async () => {
  const root = resolve(import.meta.dirname, '..');
  const guide = readFileSync(join(root, 'config/MOUNTS.md'), 'utf8');
  const home = freshDirectory();
  const example = /```jsonc\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const configFile = join(home, 'config.json');
  writeFileSync(configFile, example.replaceAll('/home/me/notes', home).replaceAll('/home/me', home));
  writeFileSync(join(home, 'shopping.txt'), 'milk');
  const { config } = await loadConfig({ configFile, overrides: [], env: {} });
  expect(await readMountSections(configFile)).toEqual({
    mcpServers: config.mcpServers,
    mcpServerConfig: config.mcpServerConfig,
  });
  const { service, problems, until, call, offered, state } = await device(config);
  await service.start();
  await until('notes', 'ready');
  await vi.waitFor(() => expect(offered()).toContain('read_note'), { timeout: 20_000 * patience });
  expect(await call('read_note', { path: join(home, 'shopping.txt') })).toBe('milk');
  expect(offered()).not.toContain('notes__write_file');
  expect([state('home'), problems]).toEqual(['disabled', []]);
  await vi.waitFor(() => expect(offered()).toContain('memory__read_graph'), { timeout: 20_000 * patience });
  expect(JSON.parse(await call('memory__read_graph'))).toEqual({ entities: [], relations: [] });
}, 60_000);
