import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toolsCallAction, toolsListAction } from '../../src/cli/tools.ts';
import { runAction } from '../support/cli-run.ts';
import { failureOf } from '../support/tool-runner.ts';

const env = { PATH: process.env.PATH };

async function configWith(mcp: unknown): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'cli-tools-')), 'config.json');
  await writeFile(file, JSON.stringify({ mcp }));
  return file;
}

const echo = {
  name: 'echo',
  description: 'Says it back.',
  executable: 'cat',
  mode: 'background',
  input_schema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
};

test('the tools that are allowed are listed', async () => {
  const config = await configWith({ tools: [echo, { ...echo, name: 'secret' }], deny: ['sec*'] });
  expect(await runAction(toolsListAction, { config }, env)).toEqual({
    code: 0,
    stdout: 'echo  background  subprocess  Says it back.\n',
  });
  const none = await configWith({});
  expect((await runAction(toolsListAction, { config: none }, env)).stdout).toContain(
    'No tools are configured',
  );
});

test('a tool is called and its result printed, whatever its mode', async () => {
  const config = await configWith({ tools: [echo] });
  expect(await runAction(toolsCallAction, { config, name: 'echo', args: '{"text":"hi"}' }, env)).toEqual({
    code: 0,
    stdout: '{"text":"hi"}\n',
  });
});

test('what cannot be called says why', async () => {
  const config = await configWith({ tools: [echo], deny: ['echo'] });
  const failure = (options: { config: string; name: string; args?: string }) =>
    failureOf(runAction(toolsCallAction, options, env));
  expect(await failure({ config, name: 'echo', args: '{}' })).toMatch(
    /^USAGE_INVALID There is no tool named echo/,
  );
  const open = await configWith({ tools: [echo] });
  expect(await failure({ config: open, name: 'echo', args: '[1]' })).toMatch(/^USAGE_INVALID --args must be/);
  expect(await failure({ config: open, name: 'echo' })).toMatch(/^TOOL_ARGUMENTS_INVALID /);
});

test('Ctrl-C ends a call', async () => {
  const config = await configWith({ tools: [{ ...echo, executable: 'sleep 100', input_schema: undefined }] });
  const stop = new AbortController();
  const work = runAction(toolsCallAction, { config, name: 'echo' }, env, stop.signal);
  stop.abort();
  expect(await work).toEqual({ code: 1, stdout: '' });
});
