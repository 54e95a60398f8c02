import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configAction } from '../../src/cli/config.ts';
import { runAction, runActionToTheEnd } from '../support/cli-run.ts';

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

const everything = {
  mcp: {
    tools: [
      {
        name: 'a',
        description: 'd',
        input_schema: { type: 'object' },
        timeout_ms: 5,
        executable: 'a b',
        args: ['c'],
      },
      {
        name: 'b',
        description: 'd',
        type: 'http',
        url: 'https://b/',
        headers: {},
        auth: { type: 'basic', username: 'me', password: '' },
      },
    ],
    allow: ['*'],
  },
  mcpServers: {
    local: { command: 'c', args: ['d'], cwd: '/e', env: { F: '' }, start: 'lazy' },
    web: { url: 'https://g/', headers: { Authorization: '' }, pingIntervalMs: 5 },
  },
  mcpServerConfig: { web: { enable: true, tools: { h: { alias: 'i', mode: 'async' } } } },
  customMCP: {
    tools: [
      {
        name: 'j',
        handler: { type: 'http', config: { url: 'https://k/', auth: { type: 'bearer', token: '' } } },
      },
    ],
  },
  mcpEndpoint: [{ url: 'wss://l/', profile: 'official' }],
  tunnels: [{ url: 'wss://m/', token: '', name: 'n' }],
};

const printed = async (config: object): Promise<string> => {
  const file = join(await directory(), 'my.json');
  await writeFile(file, JSON.stringify(config));
  const { stdout } = await runAction(configAction, { config: file }, {}).catch((error: Error) => ({
    stdout: error.message,
  }));
  return stdout.replaceAll(/ file \S+/g, '').replaceAll(/ +/g, ' ');
};

/** Ways to all members of objects, however deep. */
function ways(value: unknown, way: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(Array.isArray(value) ? [] : [[...way, key]]),
    ...ways(inner, [...way, key]),
  ]);
}

/** The same with another key at the end of the way, and what stands there. */
function misspelt(
  value: unknown,
  [key = '', ...rest]: readonly string[],
  word: string,
  put: unknown,
): unknown {
  const change = (inner: unknown) => misspelt(inner, rest, word, put);
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? change(item) : item));
  const { [key]: inner, ...others } = value as Record<string, unknown>;
  return rest.length > 0 ? { ...others, [key]: change(inner) } : { ...others, [word]: put };
}

test('what stands under a key that nobody knows is hidden, whatever it is called', async () => {
  expect(await printed(everything)).toContain(
    'mcp.tools [{"name":"a","description":"d","input_schema":{"type":"object"},"timeout_ms":5,"executable":"a b","args":["c"]},' +
      '{"name":"b","description":"d","type":"http","url":"https://b/","headers":{},"auth":{"type":"basic","username":"me","password":"••••"}}]',
  );
  const secrets = [
    'hush',
    4711,
    ['hush'],
    { x: 'hush' },
    { name: 'hush', url: 'wss://hush/' },
    [{ url: 'hush' }],
  ];
  // Names that the user has chosen may be called anything.
  const places = ways(everything).filter(
    (way) =>
      way.length > 1 &&
      // All of it goes to the model.
      !way.includes('input_schema') &&
      !['mcpServers.web', 'mcpServers.local', 'mcpServerConfig.web'].includes(way.join('.')) &&
      way.at(-2) !== 'tools',
  );
  for (const place of places)
    for (const secret of secrets) {
      const text = await printed(misspelt(everything, place, `${place.at(-1)}x`, secret) as object);
      expect(text, place.join('.')).not.toMatch(/hush|4711/);
    }
});

test('secrets under misspelt keys are hidden, their neighbours are not', async () => {
  const text = await printed({
    mcpServers: { x: { url: 'https://x/', header: { Authorization: 'hush' }, tokne: 'hush', enabled: true } },
    customMCP: { tools: { name: 'y', handler: { type: 'http', auth: { type: 'bearer', tokn: 'hush' } } } },
    tunnels: { url: 'wss://t/', tokne: 'hush' },
    mcpEndpoint: 'wss://host/u/3f9aK2mQ7xZp81Lw/mcp',
    device: { cameraCommand: 'camera --token hush -o -' },
  });
  expect(text).not.toContain('hush');
  expect(text).toContain('mcpServers.x.header.Authorization "••••"');
  expect(text).toContain('mcpServers.x.enabled true');
  expect(text).toContain('mcpEndpoint "wss://host/u/••••/mcp"');
  expect(text).toContain('customMCP.tools.handler.auth.type "bearer"');
  expect(text).toContain('device.cameraCommand "camera --token •••• -o -"');
});

test('entries that a device would leave out are told, and the rest is printed all the same', async () => {
  const file = join(await directory(), 'my.json');
  const tools = [{ name: 'a', handler: { type: 'htpp' } }];
  await writeFile(file, JSON.stringify({ mcpServers: { x: { comand: 'hush' } }, customMCP: { tools } }));
  const { code, stdout, stderr } = await runActionToTheEnd(configAction, { config: file }, {});
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: [
      'mcpServers.x: must have either a command or a url; "comand" is unknown, did you mean "command"?',
      'customMCP.tools[0] ("a").description: is missing; it must be text',
      'customMCP.tools[0] ("a").handler.type: must be one of http, custom, proxy, did you mean "http"?',
      '',
    ].join('\n'),
  });
  expect(stdout).toMatch(/mcpServers\.x\.comand +"••••"/);
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

const hush = 'planted-1-swordfish';
const address = (scheme: string) => `${scheme}://me:${hush}@h/?key=${hush}`;

test.each<[string, object]>([
  [
    'a token that is none',
    { server: { token: { x: hush } }, control: { tcp: { port: 1, token: `x ${hush}` } } },
  ],
  [
    'keys misspelt',
    { server: { tokn: hush }, identity: { hmackey: hush }, mcpEndpont: address('wss'), apiKey: hush },
  ],
  ['addresses that are none', { server: { url: address('htp'), websocketUrl: address('http') } }],
  ['an address at odds with the rest', { server: { url: address('mqtt'), transport: 'websocket' } }],
  ['commands', { device: { cameraCommand: ['--token', hush], rebootCommand: `x --token ${hush} | y` } }],
  [
    'access points',
    { mcpEndpoint: [hush, { url: 5, token: hush }], tunnels: [{ url: address('http'), token: [hush] }] },
  ],
  [
    'tools',
    {
      mcp: {
        tools: [
          { name: 'a', description: 'd', type: 'http', url: address('htp'), headers: hush, auth: hush },
          { name: 'b', description: 'd', executable: 'x', env: [hush], args: `--token ${hush}` },
          { name: 'c', description: 'd', type: 'http', url: 'http://h/', headers: { [`A: ${hush}`]: hush } },
        ],
      },
      customMCP: {
        tools: [{ name: 'd', description: 'd', handler: { type: 'http', url: hush, headers: hush } }],
      },
    },
  ],
  [
    'mounted servers',
    {
      mcpServers: {
        a: { command: `x --api-key=${hush}`, args: 5, env: hush },
        b: { url: address('ftp'), headers: [hush] },
        c: hush,
        d: { command: 'x', args: ['--token', [hush]], env: { 'A B': hush } },
      },
    },
  ],
])('no fault tells what was meant to be a secret: %s', async (_, config) => {
  const file = join(await mkdtemp(join(tmpdir(), 'cli-config-')), 'my.json');
  await writeFile(file, JSON.stringify(config));
  const told = await runActionToTheEnd(configAction, { config: file }, {}).then(
    ({ stdout, stderr }) => stdout + stderr,
    ({ message }: Error) => message,
  );
  expect(told).not.toBe('');
  expect(told).not.toContain(hush);
});
