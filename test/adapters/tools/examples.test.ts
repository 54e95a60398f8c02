import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunnerDeps } from '../../../src/adapters/tools/runner.ts';
import { createToolRunner } from '../../../src/adapters/tools/runners.ts';
import { parseCustomMcp, readCustomMcp } from '../../../src/config/custom-mcp.ts';
import { readToolsConfig } from '../../../src/config/tools.ts';
import type { ToolArguments } from '../../../src/mcp/tool.ts';
import type { ToolTarget } from '../../../src/ports/tool-definition.ts';
import { call, runnerDeps } from '../../support/tool-runner.ts';

const file = (path: string) => new URL(`../../../${path}`, import.meta.url).pathname;
const example = file('config/tools.example.jsonc');
const customExample = file('config/custom.example.jsonc');

interface Addresses {
  readonly http: string;
  readonly tcp: string;
  readonly unix: string;
  readonly websocket: string;
}

const services = { process: undefined as ReturnType<typeof spawn> | undefined, at: {} as Addresses };

beforeAll(async () => {
  const socket = join(await mkdtemp(join(tmpdir(), 'tools-')), 'example.sock');
  const args = [file('scripts/examples/tool-services.mjs'), '--port', '0', '--socket', socket];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  services.process = child;
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  services.at = JSON.parse(String(line));
});

afterAll(async () => {
  const { process: child } = services;
  if (child?.kill()) await once(child, 'exit');
});

/** The example's own addresses may be in use on this machine. */
function atFreeAddress(target: ToolTarget): ToolTarget {
  const { http, tcp, unix, websocket } = services.at;
  switch (target.type) {
    case 'http':
      return { ...target, url: target.url.replace('127.0.0.1:7700', http) };
    case 'tcp':
      expect(target).toMatchObject({ host: '127.0.0.1', port: 7701 });
      return { ...target, port: Number(tcp.split(':')[1]) };
    case 'unix':
      return { ...target, path: unix };
    case 'websocket':
      return { ...target, url: target.url.replace('127.0.0.1:7702', websocket) };
    case 'coze':
      return { ...target, baseUrl: target.baseUrl.replace('127.0.0.1:7700', http) };
    case 'custom':
    case 'subprocess':
      return target;
  }
}

const definitions = async () => [
  ...(await readToolsConfig(example)).tools,
  ...(await readCustomMcp(customExample)).tools,
];

async function run(name: string, args: ToolArguments): Promise<unknown> {
  const tool = (await definitions()).find((candidate) => candidate.name === name);
  if (!tool) throw new Error(`no tool ${name}`);
  const deps: RunnerDeps = {
    ...runnerDeps(),
    env: { ...process.env, COZE_TOKEN: 'pat' },
    baseDirectory: dirname(example),
  };
  const runner = createToolRunner({ ...tool, target: atFreeAddress(tool.target) }, deps);
  const output = await call(runner, args);
  await runner.dispose();
  return output.kind === 'json' ? output.value : output.kind === 'text' ? output.text : output;
}

test('every example of the guide works as shown', async () => {
  expect(await run('dice', { sides: 20, count: 3 })).toEqual({
    thrown: [expect.any(Number), expect.any(Number), expect.any(Number)],
  });
  expect(await run('disk_space', { path: '/' })).toMatch(/^Avail Mounted on\n.* \/$/);
  expect(await run('weather', { city: 'Köln', unit: 'f' })).toBe(70);
  expect(await run('reverse', { text: 'drawer' })).toBe('reward');
  expect(await run('light', { on: true })).toEqual({ method: 'light.set', on: true });
  expect(await run('play_song', { song: 'Imagine' })).toBe('play: Imagine');
});

test('every example of customMCP works as shown', async () => {
  expect((await readCustomMcp(customExample)).faults).toEqual([]);
  expect(await run('translate', { text: 'Hello', to: 'zh' })).toBe('「Hello」 (中文)');
  await expect(run('translate', { text: '你好', to: 'en' })).rejects.toThrow(
    'The tool translate failed: I know no English.',
  );
  expect(await run('poem', { topic: 'tea' })).toEqual({ output: '4 lines about tea' });
  expect(await run('add_to_list', { item: 'tea' })).toEqual({ items: ['tea'] });
  expect(await run('countdown', { seconds: 1 })).toBe('Lift-off!');
});

test.each([
  ['config/TOOLS.md', readToolsConfig, example],
  ['config/CUSTOM.md', readCustomMcp, customExample],
])('%s shows every tool of its example', async (path, read, config) => {
  const guide = await readFile(file(path), 'utf8');
  for (const { name } of (await read(config)).tools) expect(guide).toContain(`"${name}"`);
});

test('what CUSTOM.md shows of a tool is what stands in the example', async () => {
  const blocks = (await readFile(file('config/CUSTOM.md'), 'utf8')).matchAll(/```jsonc\n([^`]*)```/g);
  const shown = [...blocks].map(([, block = '']) => JSON.parse(block) as unknown);
  const { tools } = await readCustomMcp(customExample);
  const { tools: fromGuide, faults } = parseCustomMcp({ tools: shown });
  expect(faults).toEqual([]);
  for (const tool of fromGuide) expect(tools).toContainEqual(tool);
});
