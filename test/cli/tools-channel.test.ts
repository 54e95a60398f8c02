import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createJsonFileStorage } from '../../src/adapters/storage/json-file.ts';
import { toolsCallAction, toolsListAction } from '../../src/cli/tools.ts';
import { parseMounts } from '../../src/config/mounts.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createToolListCache } from '../../src/mcp/mounts/tool-list-cache.ts';
import { estimatedTokens } from '../../src/mcp/token-estimate.ts';
import { runAction, runActionToTheEnd } from '../support/cli-run.ts';
import { failureOf } from '../support/tool-runner.ts';

const env = { PATH: process.env.PATH };
const noDeviceTools = ['self.*'];

async function configWith(config: object): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'tools-channel-')), 'config.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

const list = async (config: object, options: object) =>
  runActionToTheEnd(toolsListAction, { config: await configWith(config), ...options }, env);

const tool = (name: string, description = '说话。') => ({ name, description, executable: 'cat' });
const listed = (name: string) => ({
  name,
  description: '说话。',
  inputSchema: { type: 'object', properties: {} },
});

test('the device channel shows its pages as they go on the wire, and how much that is', async () => {
  const custom = { name: 'hello', description: '说话。', handler: { type: 'custom', module: 'a.mjs' } };
  const { code, stdout, stderr } = await list(
    { mcp: { tools: [tool('echo')], deny: noDeviceTools }, customMCP: { tools: [custom, { name: 'b' }] } },
    { channel: 'device' },
  );
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${JSON.stringify({ tools: [listed('echo'), listed('hello')] })}\n`,
  });
  expect(stderr).toBe(
    [
      '2 tools on 1 page, 192 bytes, about 50 tokens (one for 4 ASCII characters or 1 other character; every model counts for itself).',
      'customMCP.tools[1] ("b").description: is missing; it must be text',
      'customMCP.tools[1] ("b").handler: must be an object with a type',
      '',
    ].join('\n'),
  );
});

test('many tools come on pages that a server can take, and are warned of', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `tool_${index}`);
  const tools = names.map((name) => tool(name, 'x'.repeat(300)));
  const { stdout, stderr } = await list({ mcp: { tools, deny: noDeviceTools } }, { channel: 'device' });
  const pages = stdout.trimEnd().split('\n');
  expect(pages.every((page) => Buffer.byteLength(page) <= 8000)).toBe(true);
  const read = pages.map((page) => JSON.parse(page) as { tools: { name: string }[]; nextCursor?: string });
  expect(read.flatMap((page) => page.tools.map(({ name }) => name))).toEqual(names);
  expect(read.map(({ nextCursor }) => nextCursor)).toEqual([
    ...read.slice(1).map((page) => page.tools[0]?.name),
    undefined,
  ]);
  expect(stderr).toMatch(/^40 tools on 2 pages, /);
  expect(stderr).toContain('These are more than 32 tools: ');
  expect(stderr).toContain(`do not reach the model: ${names.slice(32).join(', ')}\n`);
});

test('an access point gets all of its own tools on one page', async () => {
  const tools = Array.from({ length: 40 }, (_, index) => tool(`tool_${index}`, 'x'.repeat(300)));
  const mcpEndpoint = [
    { url: 'wss://a.example/?token=hush', name: 'home', allow: ['tool_*'], deny: ['tool_1*'] },
    { url: 'wss://b.example/?token=hush', name: 'work', allow: ['tool_7'] },
  ];
  const config = { mcp: { tools }, mcpEndpoint };
  const names = async (endpoint: string) => {
    const { stdout } = await list(config, { channel: 'access-point', endpoint });
    return stdout
      .split('\n')
      .slice(0, -1)
      .map((page) => (JSON.parse(page) as { tools: { name: string }[] }).tools);
  };
  expect((await names('work')).map((page) => page.map(({ name }) => name))).toEqual([['tool_7']]);
  const [home, ...more] = await names('home');
  expect([home?.length, more]).toEqual([29, []]);
});

test('tools of mounted servers are shown as they were last known', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'tools-channel-'));
  const file = await configWith({
    mcp: { deny: noDeviceTools },
    mcpServers: { notes: { command: 'notes-server' }, off: { command: 'off-server', disabled: true } },
    mcpServerConfig: { notes: { tools: { erase: { enable: false } } } },
    paths: { cache },
  });
  const { definitions } = parseMounts(
    { notes: { command: 'notes-server' }, off: { command: 'off-server' } },
    {},
    { baseDirectory: dirname(file), env: {} },
  );
  const known = createToolListCache(
    createJsonFileStorage({ directory: cache, onDamaged: () => {} }),
    silentLogger,
  );
  const foreign = ['read', 'erase'].map((name) => ({
    name,
    description: name,
    inputSchema: { type: 'object' } as const,
  }));
  for (const { name, target } of definitions) await known.save(name, target, foreign);
  const { stdout } = await runActionToTheEnd(toolsListAction, { config: file, channel: 'device' }, env);
  expect(stdout).toBe(
    '{"tools":[{"name":"notes__read","description":"read","inputSchema":{"type":"object"}}]}\n',
  );
  expect(await failureOf(runAction(toolsCallAction, { config: file, name: 'notes__read' }, env))).toMatch(
    /^TOOL_UNREACHABLE notes__read belongs to an MCP server, which only a running device calls\. Start one/,
  );
});

test('installed tools and mounts are shown, what is held back is not', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tools-channel-'));
  const file = await configWith({
    mcp: { deny: noDeviceTools },
    paths: { state: directory, cache: directory },
  });
  const storage = createJsonFileStorage({ directory, onDamaged: () => {} });
  const mounts = {
    good: { command: 'x', trusted: true },
    new: { command: 'y' },
    byHand: { command: 'x', trusted: true, start: 'manual' },
    off: { command: 'x', trusted: true },
  };
  const tools = { dice: { ...tool('dice'), trusted: true }, coin: tool('coin') };
  await storage.set('installed', { tools, mounts });
  await storage.set('mount-switches', { switches: [{ origin: 'added', name: 'off', enabled: false }] });
  const cache = createToolListCache(storage, silentLogger);
  const foreign = [{ name: 'read', description: 'read', inputSchema: { type: 'object' } as const }];
  for (const { name, target } of parseMounts(mounts, {}, { baseDirectory: dirname(file), env: {} })
    .definitions)
    await cache.save(name, target, foreign);
  const { stdout, stderr } = await runActionToTheEnd(
    toolsListAction,
    { config: file, channel: 'device' },
    env,
  );
  expect(JSON.parse(stdout).tools.map(({ name }: { name: string }) => name)).toEqual(['dice', 'good__read']);
  expect(stderr.split('\n').slice(1)).toEqual([
    'coin is held back until somebody approves it: mcp approve coin',
    'new__read is held back until somebody approves it: mcp approve new__read',
    '',
  ]);
});

test('pages are smaller where the device reaches its server over MQTT', async () => {
  const state = await mkdtemp(join(tmpdir(), 'tools-channel-'));
  const tools = Array.from({ length: 30 }, (_, index) => tool(`tool_${index}`, 'x'.repeat(403)));
  const ota = 'https://ota.example/xiaozhi/ota/';
  const deviceId = '02:00:00:00:00:01';
  const endpoint = { endpoint: 'm', clientId: 'c', username: '', password: '', publishTopic: 't' };
  const storage = createJsonFileStorage({ directory: state, onDamaged: () => {} });
  await storage.set('identity', { deviceId, lastAnswer: { url: ota, deviceId, mqtt: endpoint } });
  const before = await readdir(state);
  const largestPage = async (server: object) => {
    const { stdout } = await list(
      { mcp: { tools, deny: noDeviceTools }, server, paths: { state } },
      { channel: 'device' },
    );
    return Math.max(...stdout.split('\n').map((page) => Buffer.byteLength(page)));
  };
  for (const server of [{ url: 'mqtt://broker.example:1883' }, { url: ota }, { transport: 'mqtt' }])
    expect(await largestPage(server)).toBeLessThanOrEqual(7700);
  for (const server of [
    {},
    { url: 'wss://a.example/' },
    { url: 'https://other.example/ota/' },
    { url: ota, transport: 'websocket' },
    { url: ota, websocketUrl: 'wss://a.example/' },
  ])
    expect(await largestPage(server)).toBeGreaterThan(7700);
  expect(await readdir(state)).toEqual(before);
});

test('what cannot be shown says what to write instead', async () => {
  const failure = async (config: object, options: object) => failureOf(list(config, options));
  const url = 'wss://a.example/?token=hush';
  const both = {
    mcpEndpoint: [
      { url, name: 'home' },
      { url: `${url}2`, name: 'work' },
    ],
  };
  expect(await failure({}, { channel: 'radio' })).toBe(
    'USAGE_INVALID --channel must be one of device, access-point.',
  );
  expect(await failure({}, { endpoint: 'x' })).toBe(
    'USAGE_INVALID --endpoint is for --channel access-point only.',
  );
  expect(await failure({}, { channel: 'device', endpoint: 'x' })).toBe(
    'USAGE_INVALID --endpoint is for --channel access-point only.',
  );
  expect(await failure({}, { channel: 'access-point' })).toBe(
    'USAGE_INVALID The configuration has no access point; put its address into "mcpEndpoint".',
  );
  for (const options of [{}, { endpoint: 'garden' }])
    expect(await failure(both, { channel: 'access-point', ...options })).toBe(
      'USAGE_INVALID Say which access point: --endpoint "home", --endpoint "work".',
    );
});

test('a tool of customMCP is called like any other', async () => {
  const module = join(await mkdtemp(join(tmpdir(), 'tools-channel-')), 'tool.mjs');
  await writeFile(module, 'export default ({ name }) => "Hello, " + name;');
  const tools = { name: 'hello', description: 'Greets.', handler: { type: 'custom', config: { module } } };
  const config = await configWith({ customMCP: { tools } });
  const options = { config, name: 'hello', args: '{"name":"Ann"}' };
  expect(await runActionToTheEnd(toolsCallAction, options, env)).toEqual({
    code: 0,
    stdout: 'Hello, Ann\n',
    stderr: '',
  });
});

test('tokens are estimated by characters, so that texts add up', () => {
  expect([
    estimatedTokens(''),
    estimatedTokens('word'),
    estimatedTokens('words'),
    estimatedTokens('你好, 😀'),
  ]).toEqual([0, 1, 2, 4]);
  void fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const apart = estimatedTokens(a) + estimatedTokens(b);
      expect(apart - estimatedTokens(`${a}${b}`)).toBeGreaterThanOrEqual(0);
      expect(apart - estimatedTokens(`${a}${b}`)).toBeLessThanOrEqual(1);
    }),
  );
});
