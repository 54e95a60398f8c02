import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireStateLock } from '../../src/adapters/storage/state-lock.ts';
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

test('the tools a server is offered are listed as it is offered them, those of the device first', async () => {
  const tools = [echo, { ...echo, name: 'secret' }];
  const config = await configWith({
    tools,
    deny: ['sec*', 'self.tasks.*', 'self.timer.*', 'self.audio*', 'self.recorder.*'],
  });
  expect(await runAction(toolsListAction, { config }, env)).toEqual({
    code: 0,
    stdout: [
      'self.get_device_status  sync        built-in    Current state of the device: speaker volume, screen, battery, network.',
      'self.get_system_info    sync        built-in    What the device tells its server about itself: program, chip, memory, network. (not shown to the model)',
      'self.reboot             sync        built-in    Restart the device. (not shown to the model)',
      'echo                    background  subprocess  Says it back.',
      '',
    ].join('\n'),
  });
});

test('a tool of the device works on its state directory, unless a device uses that', async () => {
  const state = await mkdtemp(join(tmpdir(), 'cli-tools-state-'));
  const call = (name: string, args = '{}') =>
    runAction(toolsCallAction, { set: [`paths.state=${state}`], name, args }, env);
  expect(await call('self.audio_speaker.set_volume', '{"volume":33}')).toEqual({ code: 0, stdout: 'true\n' });
  expect(await readFile(join(state, 'volume.json'), 'utf8')).toBe('33\n');
  const { stdout } = await call('self.timer.set', '{"seconds":600,"name":"eggs"}');
  expect(JSON.parse(stdout)).toMatchObject({ timer_id: 't1', name: 'eggs' });

  const lock = await acquireStateLock(state);
  const listed = JSON.parse((await call('self.timer.list')).stdout);
  expect(listed).toMatchObject([{ timer_id: 't1', name: 'eggs' }]);
  expect(await failureOf(call('self.timer.set', '{"seconds":1}'))).toMatch(/^STATE_LOCKED /);
  expect(await failureOf(call('self.audio_speaker.set_volume', '{"volume":1}'))).toMatch(/^STATE_LOCKED /);
  await lock.release();
  expect(await failureOf(call('self.reboot'))).toBe(
    'TOOL_FAILED No device runs here that could be restarted.',
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
