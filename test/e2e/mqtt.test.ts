import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildProgram, cleanUpPrograms, freshHome, startProgram } from '../support/program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

/** A hundred tools with much to say about them: some 60 kB in one list. */
const tools = Array.from({ length: 100 }, (_, index) => ({
  name: `custom.tool.${index}`,
  description: `Tool number ${index}. ${'It does what it does, and much of it. '.repeat(15)}`,
  input_schema: { type: 'object', properties: {} },
  type: 'subprocess',
  executable: 'true',
}));

it('a list of tools of any length goes through a gateway that hangs up above 8192 bytes', async () => {
  const home = freshHome();
  const config = join(home, 'config.json');
  writeFileSync(config, JSON.stringify({ mcp: { tools } }));
  const program = startProgram(
    [
      ...['--config', config, '--transport', 'mqtt', '--mic', 'null', '--speaker', 'null', '--events', '-'],
      // The first answer gives the server time to ask for all of them.
      ...['--say', 'hello', '--say', 'tools', '--turns', '3', '--timeout', '60'],
    ],
    { home },
  );
  const sentences = () =>
    program.eventsOf('tts').flatMap(({ text }) => (text === undefined ? [] : [`${text}`]));
  await program.until(() => sentences().length === 2);
  program.child.kill('SIGTERM');
  await program.exited;
  expect(sentences()[1]).toContain('custom.tool.99');
  expect(program.eventsOf('error')).toEqual([]);
}, 60_000);
