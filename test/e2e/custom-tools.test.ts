import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { buildProgram, cleanUpPrograms, freshHome } from '../support/program.ts';
import {
  announcementsOf,
  configOf,
  ended,
  pidsIn,
  sentencesOf,
  startToolProgram,
} from '../support/tool-program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

const custom = (name: string, config: object, fields: object = {}) => ({
  name,
  description: name,
  handler: { type: 'custom', config },
  ...fields,
});

describe.concurrent('a tool of customMCP in a conversation', { timeout: 60_000 }, () => {
  it('is called, in the background, too, and damaged ones beside it are reported', async ({ expect }) => {
    const home = freshHome();
    writeFileSync(
      join(home, 'tools.mjs'),
      'let n = 0; export const count = () => "number " + ++n; export const slow = async () => "Slept well.";',
    );
    const module = 'tools.mjs';
    const program = startToolProgram({
      home,
      customMCP: {
        tools: [
          custom('count', { module, function: 'count' }),
          custom('trusted', { module, function: 'count', trusted: true }),
          custom('sleep', { module, function: 'slow' }, { mode: 'background' }),
          custom('damaged', { modul: 'hush' }),
        ],
      },
      args: ['count', 'count', 'trusted', 'sleep'].flatMap((name) => ['--say', `call ${name} {}`]),
    });
    await program.until(() => sentencesOf(program).length === 5);
    await program.until(() => announcementsOf(program).includes('spoken t1 detect'));
    expect(sentencesOf(program)).toEqual([
      'number 1',
      'number 2',
      'number 1',
      'Started as task t1. I will tell you when it is done.',
      'The task "sleep" has finished: Slept well.',
    ]);
    expect(announcementsOf(program)).toEqual(['queued t1', 'sent t1 detect', 'spoken t1 detect']);
    expect(program.eventsOf('error').map(({ code, message }) => ({ code, message }))).toEqual([
      {
        code: 'CONFIG_INVALID',
        message: [
          'Some of customMCP cannot be used; the other tools work:',
          '  customMCP.tools[3] ("damaged").handler.config.modul: unknown key, did you mean "module"?',
          '  customMCP.tools[3] ("damaged").handler.config.module: is missing; it must be text',
        ].join('\n'),
      },
    ]);
  });

  it('follows the file', async ({ expect }) => {
    const home = freshHome();
    writeFileSync(join(home, 'tools.mjs'), 'export default (args, { context }) => context.hello;');
    const greeting = (hello: string) => ({
      tools: custom('hello', { module: 'tools.mjs', context: { hello } }),
    });
    const program = startToolProgram({
      home,
      customMCP: greeting('Good morning.'),
      args: Array.from({ length: 30 }, () => ['--say', 'call hello {}']).flat(),
    });
    await program.until(() => sentencesOf(program).length === 1);
    writeFileSync(configOf(home), JSON.stringify({ customMCP: greeting('Good night.') }));
    await program.until(() => sentencesOf(program).includes('Good night.'));
    expect(new Set(sentencesOf(program))).toEqual(new Set(['Good morning.', 'Good night.']));
  });

  it('that loops for ever ends with a device that is killed', async () => {
    const home = freshHome();
    writeFileSync(
      join(home, 'tools.mjs'),
      `import { appendFileSync } from 'node:fs';
      export default () => { appendFileSync('pids', process.pid + '\\n'); for (;;); };`,
    );
    const program = startToolProgram({
      home,
      customMCP: { tools: custom('loop', { module: 'tools.mjs' }, { mode: 'background' }) },
      args: ['--say', 'call loop {}'],
    });
    const pids = await pidsIn(join(home, 'pids'), 1);
    program.child.kill('SIGKILL');
    await ended(pids);
  });
});
