import { mkdtemp } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createConfiguredTools } from '../../../src/adapters/tools/configured-tools.ts';
import { parseToolsConfig } from '../../../src/config/tools.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Tool } from '../../../src/mcp/tool.ts';
import { failureOf, runnerDeps } from '../../support/tool-runner.ts';

const definitions = (...tools: Record<string, unknown>[]) =>
  parseToolsConfig({ tools: tools.map((tool) => ({ description: 'A tool.', ...tool })) }).tools;

const call = (tool: Tool | undefined) => {
  if (!tool) throw new Error('no tool');
  const context = {
    signal: new AbortController().signal,
    deadlineMs: Number.POSITIVE_INFINITY,
    log: silentLogger,
  };
  return tool.run({}, context);
};

test('a definition that has not changed keeps its tool; order is that of the configuration', () => {
  const tools = createConfiguredTools(runnerDeps());
  const [a, b] = tools.update(
    definitions({ name: 'a', executable: 'true' }, { name: 'b', executable: 'true' }),
  );
  const after = tools.update(
    definitions(
      { name: 'b', executable: 'false' },
      { name: 'a', executable: 'true' },
      { name: 'c', executable: 'true' },
    ),
  );
  expect(after.map(({ name }) => name)).toEqual(['b', 'a', 'c']);
  expect(after[1]).toBe(a);
  expect(after[0]).not.toBe(b);
  expect(after[0]).toMatchObject({ source: 'custom', mode: 'sync', timeoutMs: 20_000 });
  expect(after[0]).not.toHaveProperty('target');
});

test('a call finishes with the tool it began with; what is left at the end is stopped', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'tools-')), 'x.sock');
  const sockets: Socket[] = [];
  let arrived = () => {};
  const server = createServer((socket) => {
    sockets.push(socket);
    arrived();
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const connected = () =>
    new Promise<void>((resolve) => {
      arrived = resolve;
    });

  const tools = createConfiguredTools(runnerDeps());
  const [old] = tools.update(definitions({ name: 'a', type: 'unix', path }));
  const first = connected();
  const running = call(old);
  await first;
  const [changed] = tools.update(definitions({ name: 'a', type: 'unix', path, timeoutMs: 5 }));
  sockets[0]?.write('old answer\n');
  expect(await running).toEqual({ kind: 'text', text: 'old answer' });
  expect(await failureOf(call(old))).toContain('TOOL_CANCELLED');

  const second = connected();
  const unfinished = failureOf(call(changed));
  await second;
  await tools.dispose();
  expect(await unfinished).toContain('TOOL_CANCELLED');
  server.close();
});
