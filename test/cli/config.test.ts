import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configAction } from '../../src/cli/config.ts';
import { runAction } from '../support/cli-run.ts';

const directory = () => mkdtemp(join(tmpdir(), 'cli-config-'));

test('the effective configuration is printed with the source of each value', async () => {
  const home = await directory();
  const file = join(home, 'my.json');
  await writeFile(file, '{"server": "cloud",\n"audio": {"muted": true}}');
  const env = { XDG_CONFIG_HOME: home, XIAOZHI_LOG_LEVEL: 'debug' };
  const { code, stdout } = await runAction(configAction, { config: file, mic: 'null' }, env);
  expect(code).toBe(0);
  const lines = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(lines[0]).toEqual([`Configuration file: ${file}`]);
  expect(lines).toContainEqual(['server.url', '"cloud"', `file ${file}:1`]);
  expect(lines).toContainEqual(['audio.muted', 'true', `file ${file}:2`]);
  expect(lines).toContainEqual(['audio.microphone', '"null"', 'argument --mic']);
  expect(lines).toContainEqual(['log.level', '"debug"', 'environment XIAOZHI_LOG_LEVEL']);
  expect(lines).toContainEqual(['audio.volumePercent', '70', 'default']);
});

test('without a file it says where one would be', async () => {
  const home = await directory();
  const { stdout } = await runAction(configAction, {}, { XDG_CONFIG_HOME: home });
  expect(stdout).toContain(`Configuration file: none (${home}/xiaozhi-speaker/config.json does not exist)`);
});

test('no secret is printed, wherever it hides', async () => {
  const home = await directory();
  const file = join(home, 'my.json');
  await writeFile(
    file,
    JSON.stringify({
      server: { url: 'https://user:hush@host/ota/?key=hush', token: 'hush' },
      identity: { hmacKey: 'ab'.repeat(32) },
      mcpEndpoint: ['wss://api.example/mcp/?token=hush'],
      mcpServers: {
        a: {
          command: 'a',
          args: [
            ...['--api-key', 'hush', '--token=hush', 'API_TOKEN=hush', 'visible'],
            ...['--header', 'Authorization: Bearer hush', '--header=X-Api-Key: hush'],
          ],
          env: { X: 'hush' },
        },
        b: { url: 'https://b/', headers: { Authorization: 'hush' } },
      },
      mcp: {
        tools: [
          {
            name: 'x',
            description: 'x',
            executable: 'curl --token hush -H "Authorization: Bearer hush" https://me:hush@a/?key=hush seen',
          },
        ],
      },
      customMCP: {
        tools: [
          {
            handler: {
              type: 'http',
              config: { url: 'https://a/', auth: { type: 'basic', password: 'hush' } },
            },
          },
        ],
      },
      tunnels: [{ url: 'wss://a/?x=hush', token: 'hush' }],
      control: { tcp: { port: 1, token: 'hush-hush-hush-hush' } },
    }),
  );
  const { stdout } = await runAction(configAction, { config: file }, {});
  expect(stdout).not.toContain('hush');
  expect(stdout).not.toContain('abab');
  expect(stdout).toMatch(/server\.token +"••••" /);
  expect(stdout).toContain('"https://••••@host/ota/?••••"');
  expect(stdout).toContain('visible');
  expect(stdout).toContain('"Authorization: ••••","--header=X-Api-Key: ••••"');
  expect(stdout).toContain('curl --token •••• -H ');
  expect(stdout).toContain(' seen"');
});

test('--schema prints a JSON Schema', async () => {
  const { code, stdout } = await runAction(configAction, { schema: true }, {});
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ type: 'object', properties: { audio: { type: 'object' } } });
});

test('a faulty configuration is an error for main to print', async () => {
  const env = { XDG_CONFIG_HOME: await directory(), XIAOZHI_MODE: 'loud' };
  await expect(runAction(configAction, {}, env)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
