import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type ToolsFileWatch, watchToolsFile } from '../../../src/adapters/tools/tools-file-watch.ts';
import { readToolsConfig, type ToolsConfig } from '../../../src/config/tools.ts';
import { monotonicClock } from '../../../src/core/clock.ts';

const watches: ToolsFileWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
});

const withTool = (name: string, more = {}) =>
  JSON.stringify({ ...more, mcp: { tools: [{ name, description: 'A tool.', executable: 'true' }] } });

/** Watches a file and hands out, one after the other, the names of its tools or the problem. */
async function watched(file: string) {
  const reports: string[] = [];
  let wake = () => {};
  const report = (text: string) => {
    reports.push(text);
    wake();
  };
  const watch = await watchToolsFile<ToolsConfig>({
    file,
    load: readToolsConfig,
    current: await readToolsConfig(file),
    onTools: ({ tools }) => report(tools.map(({ name }) => name).join(' ')),
    onProblem: ({ code }) => report(code),
    clock: monotonicClock,
  });
  watches.push(watch);
  const next = async () => {
    while (reports.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return reports.shift();
  };
  return { next, reports };
}

async function fileWith(content: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'watch-')), 'config.json');
  await writeFile(file, content);
  return file;
}

test('new tools are reported, also when the editor replaces the file', async () => {
  const file = await fileWith(withTool('first'));
  const { next } = await watched(file);
  await writeFile(file, withTool('second'));
  expect(await next()).toBe('second');
  await writeFile(`${file}.new`, withTool('third'));
  await rename(`${file}.new`, file);
  expect(await next()).toBe('third');
  await rm(file);
  expect(await next()).toBe('');
});

test('a mistake is reported once, the tools in use stay, and mending it back is no change', async () => {
  const file = await fileWith(withTool('first'));
  const { next, reports } = await watched(file);
  await writeFile(file, '{"mcp": {"tools": 7}}');
  expect(await next()).toBe('CONFIG_INVALID');
  await writeFile(file, '{"mcp": {"tools": 7}} ');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await writeFile(file, withTool('first'));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await writeFile(file, withTool('second'));
  expect(await next()).toBe('second');
  expect(reports).toEqual([]);
});

test('other sections do not matter', async () => {
  const file = await fileWith(withTool('first'));
  const { next } = await watched(file);
  await writeFile(file, withTool('first', { audio: { muted: true } }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await writeFile(file, withTool('second'));
  expect(await next()).toBe('second');
});

test('a link to a file somewhere else is followed', async () => {
  const real = await fileWith(withTool('first'));
  const directory = join(await mkdtemp(join(tmpdir(), 'watch-')), 'etc');
  await mkdir(directory);
  const link = join(directory, 'config.json');
  await symlink(real, link);
  const { next } = await watched(link);
  await writeFile(real, withTool('second'));
  expect(await next()).toBe('second');
});
