import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { ConfigSchema } from '../../../src/config/schema.ts';
import { endControls, freshDirectory, startControl } from '../../support/control.ts';
import { tool } from '../../support/mcp-parts.ts';
import { skipped } from '../../support/skipped.ts';

afterEach(endControls);

const guide = readFileSync(new URL('../../../config/API.md', import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text);
const curlHelp = spawnSync('curl', ['--help', 'all'], { encoding: 'utf8' }).stdout;
const withoutCurl = curlHelp?.includes('--json') ? undefined : 'curl is not installed, or older than --json';

it.skipIf(withoutCurl)(
  `every command of the API guide works as it stands${skipped(withoutCurl)}`,
  async () => {
    const home = freshDirectory();
    const directory = join(home, '.local/state/xiaozhi-speaker');
    mkdirSync(directory, { recursive: true });
    await startControl({ directory, tools: [tool({ name: 'self.get_device_status' })] });
    const [define = '', ...examples] = blocks('sh');
    const answers: string[] = [];
    for (const command of examples.flatMap((block) => block.trim().split('\n'))) {
      const { stdout } = await promisify(execFile)('sh', ['-c', `${define}\n${command}`], {
        env: { PATH: process.env.PATH, HOME: home },
      });
      expect(stdout, command).not.toMatch(/^\{"error"/);
      answers.push(stdout);
    }
    expect(answers).toHaveLength(26);
    const results = answers.filter((text) => text.startsWith('{"status":"done"'));
    expect(results.map((text) => JSON.parse(text).output)).toEqual([
      { kind: 'text', text: 'done' },
      { kind: 'text', text: expect.stringMatching(/^[1-6]$/) },
    ]);
  },
);

it('the configuration in the API guide is one', () => {
  for (const text of blocks('jsonc')) expect(() => ConfigSchema.parse(JSON.parse(text))).not.toThrow();
  for (const text of blocks('json')) expect(JSON.parse(text)).toHaveProperty('mcpServers.speaker.url');
});
