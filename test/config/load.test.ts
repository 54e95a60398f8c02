import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { readMountSections } from '../../src/config/mounts.ts';
import { runOptionOverrides } from '../../src/config/options.ts';
import { ClientError } from '../../src/core/errors.ts';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-'));
  file = join(directory, 'config.json');
});

const noFile = () => ({ XDG_CONFIG_HOME: directory });

async function failure(promise: Promise<unknown>): Promise<ClientError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ClientError);
  return thrown as ClientError;
}

describe('layers', () => {
  test('without any file, variable or option every setting has its default', async () => {
    const { config, sources, file: read } = await loadConfig({ overrides: [], env: noFile() });
    expect(read).toBeUndefined();
    expect(config.server).toEqual({
      url: 'embedded',
      textWay: 'auto',
      embedded: { manner: 'plain', thinkMs: 0 },
      transport: 'auto',
      handshakeTimeoutMs: 10_000,
      helloTimeoutMs: 10_000,
      pingIntervalMs: 30_000,
      idleTimeoutMs: 150_000,
      wrapActivationPayload: false,
      mqtt: { publishTopic: 'device-server' },
      recovery: { firstDelayMs: 1000, maxDelayMs: 60_000, attempts: 5, healthyAfterMs: 60_000 },
    });
    expect(new Set(sources.values())).toEqual(new Set(['default']));
  });

  test('the command line beats the environment, which beats the file, which beats the default', async () => {
    await writeFile(
      file,
      '{\n "audio": {\n  "volumePercent": 10,\n  "complexity": 1,\n  "muted": true\n }\n}',
    );
    const { config, sources } = await loadConfig({
      configFile: file,
      env: { XIAOZHI_AUDIO__VOLUME_PERCENT: '20', XIAOZHI_AUDIO__COMPLEXITY: '2' },
      overrides: runOptionOverrides({ set: ['audio.volumePercent=30'] }),
    });
    expect(config.audio).toMatchObject({ volumePercent: 30, complexity: 2, muted: true, preRollMs: 2000 });
    expect([...sources].filter(([, source]) => source !== 'default')).toEqual([
      ['audio.complexity', 'environment XIAOZHI_AUDIO__COMPLEXITY'],
      ['audio.volumePercent', 'argument --set audio.volumePercent'],
      ['audio.muted', `file ${file}:5`],
    ]);
  });

  test('every option of the command line reaches its key', async () => {
    const { config } = await loadConfig({
      env: noFile(),
      overrides: runOptionOverrides({
        server: 'ws://127.0.0.1:8000/xiaozhi/v1/',
        transport: 'websocket',
        mic: 'wav:a=b.wav',
        speaker: 'null',
        mode: 'realtime',
        start: true,
        say: ['你好', '123'],
        turns: '2',
        timeout: '1.5',
        events: '-',
        logLevel: 'debug',
        logFormat: 'json',
        set: ['server.token=12345', 'identity.boardName=my.board-1'],
      }),
    });
    expect(config.server).toMatchObject({
      url: 'ws://127.0.0.1:8000/xiaozhi/v1/',
      transport: 'websocket',
      token: '12345',
    });
    expect(config.audio).toMatchObject({ microphone: 'wav:a=b.wav', loudspeaker: 'null' });
    expect(config.conversation).toMatchObject({
      mode: 'realtime',
      start: true,
      say: ['你好', '123'],
      turns: 2,
      timeoutSeconds: 1.5,
    });
    expect(config.log).toEqual({ level: 'debug', format: 'json', private: false, events: '-' });
    expect(config.identity.boardName).toBe('my.board-1');
  });

  test('every option has a variable, and a variable that is empty counts as not set', async () => {
    const { config } = await loadConfig({
      env: {
        ...noFile(),
        XIAOZHI_SERVER: 'cloud',
        XIAOZHI_MIC: 'null',
        XIAOZHI_SAY: '["a","b"]',
        XIAOZHI_TURNS: '',
        XIAOZHI_START: 'true',
        XIAOZHI_MCP_SERVERS: '{"clock":{"command":"clock"}}',
      },
      overrides: [],
    });
    expect(config.server.url).toBe('cloud');
    expect(config.audio.microphone).toBe('null');
    expect(config.conversation).toMatchObject({ say: ['a', 'b'], start: true });
    expect(config.conversation.turns).toBeUndefined();
    expect(config.mcpServers).toEqual({ clock: { command: 'clock' } });
  });

  test('a server given as plain text keeps the other settings of the server', async () => {
    await writeFile(file, '{"server": {"url": "cloud", "token": "abc"}}');
    const { config } = await loadConfig({
      configFile: file,
      env: {},
      overrides: runOptionOverrides({ set: ['server=embedded'] }),
    });
    expect(config.server).toMatchObject({ url: 'embedded', token: 'abc' });
  });

  test('a value that takes the place of a whole section is the only source left of it', async () => {
    await writeFile(file, '{"mcpEndpoint": {"url": "wss://a/", "name": "a"}}');
    const { config, sources } = await loadConfig({
      configFile: file,
      env: { XIAOZHI_MCP_ENDPOINT: 'wss://b/' },
      overrides: [],
    });
    expect(config.mcpEndpoint).toBe('wss://b/');
    expect([...sources].filter(([path]) => path.startsWith('mcpEndpoint'))).toEqual([
      ['mcpEndpoint', 'environment XIAOZHI_MCP_ENDPOINT'],
    ]);
  });

  test('a number of turns implies that listening begins at once, unless that is forbidden', async () => {
    const implied = await loadConfig({ env: noFile(), overrides: runOptionOverrides({ turns: '2' }) });
    expect(implied.config.conversation.start).toBe(true);
    expect(implied.sources.get('conversation.start')).toBe('implied by conversation.turns');
    const forbidden = await loadConfig({
      env: noFile(),
      overrides: runOptionOverrides({ turns: '2', set: ['conversation.start=false'] }),
    });
    expect(forbidden.config.conversation.start).toBe(false);
  });

  test('a device id is taken in any spelling and kept in the one of the wire', async () => {
    const { config } = await loadConfig({
      env: noFile(),
      overrides: runOptionOverrides({ set: ['identity.deviceId=02-00-5E-10-20-30'] }),
    });
    expect(config.identity.deviceId).toBe('02:00:5e:10:20:30');
  });
});

describe('the file', () => {
  test('may have comments, trailing commas and a byte order mark, and is never rewritten', async () => {
    const text = '\uFEFF{\n  // which server\n  "server": "cloud", /* the official one */\n}\n';
    await writeFile(file, text);
    const { config, file: read } = await loadConfig({ env: { XIAOZHI_CONFIG: file }, overrides: [] });
    expect([config.server.url, read]).toEqual(['cloud', file]);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('that was asked for by name must exist', async () => {
    const { code, message } = await failure(loadConfig({ configFile: file, env: {}, overrides: [] }));
    expect(code).toBe('CONFIG_UNREADABLE');
    expect(message).toBe(`The configuration file ${file} could not be read. There is no such file.`);
  });

  test('that is a directory or not UTF-8 is refused with the reason', async () => {
    expect(await failure(loadConfig({ configFile: directory, env: {}, overrides: [] }))).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('EISDIR'),
    });
    await writeFile(file, Buffer.from('{"audio": "\xff"}', 'latin1'));
    expect(await failure(loadConfig({ configFile: file, env: {}, overrides: [] }))).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining('It is not UTF-8 text'),
    });
  });

  test('with bad JSON is refused with line and column', async () => {
    await writeFile(file, '{\n  "audio": {\n    "muted": yes\n  }\n}');
    const { code, message } = await failure(loadConfig({ configFile: file, env: {}, overrides: [] }));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toMatch(new RegExp(`^${file}:3:14 is not valid JSON\\. .+\\.$`));
  });

  test.each([
    ['null', 'nothing'],
    ['7', 'a number'],
    ['[]', 'a list'],
  ])(
    'with %s for a group of settings is refused, whatever else is said of the group',
    async (value, found) => {
      await writeFile(file, `{"audio": ${value}}`);
      const { message } = await failure(
        loadConfig({ configFile: file, env: {}, overrides: runOptionOverrides({ mic: 'null' }) }),
      );
      expect(message.split('\n').slice(1, -1)).toEqual([
        `  audio: found ${found}, allowed is a group of settings: {…} (file ${file}:1)`,
      ]);
    },
  );

  test.each(['', '[]', '"x"', 'null'])('that holds %j and no object is refused', async (text) => {
    await writeFile(file, text);
    expect((await failure(loadConfig({ configFile: file, env: {}, overrides: [] }))).code).toBe(
      'CONFIG_INVALID',
    );
  });

  test('whatever bytes it holds, loading ends with a configuration or a ClientError', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        async (content) => {
          await writeFile(file, content);
          await loadConfig({ configFile: file, env: {}, overrides: [] }).catch((error) =>
            expect(error).toBeInstanceOf(ClientError),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('faults', () => {
  test('are reported all at once, each with path, found, allowed and source', async () => {
    await writeFile(
      file,
      '{\n"audio": {"volume": 3,\n"frameDurationMs": 33,\n"microphone": "usb"},\n"servr": "cloud",\n"conversation": {"say": [1]},\n"log": 7 }',
    );
    const { code, message } = await failure(
      loadConfig({
        configFile: file,
        env: { XIAOZHI_SPEEKER: 'null', XIAOZHI_START: 'maybe' },
        overrides: runOptionOverrides({
          turns: 'two',
          mode: 'duplex',
          set: ['identity.deviceId=01:00:5e:10:20:30'],
        }),
      }),
    );
    expect(code).toBe('CONFIG_INVALID');
    expect(message.split('\n')).toEqual([
      'The configuration has 11 faults:',
      '  XIAOZHI_SPEEKER: unknown environment variable, did you mean XIAOZHI_SPEAKER?',
      '  identity.deviceId: found "01:00:5e:10:20:30", allowed is a unicast MAC address, whose first octet is even: servers refuse multicast addresses as device ids (argument --set identity.deviceId)',
      `  audio.microphone: found "usb", allowed is "auto", "portaudio", "portaudio:DEVICE", "record", "record:DEVICE", "wav:FILE" or "null" (file ${file}:4)`,
      `  audio.frameDurationMs: found 33, allowed is 10, 20, 40, 60, 80, 100 or 120 (file ${file}:3)`,
      `  audio.volume: unknown key, did you mean "volumePercent"? (file ${file}:2)`,
      '  conversation.mode: found "duplex", allowed is "auto", "manual" or "realtime" (argument --mode)',
      '  conversation.start: found "maybe", allowed is true or false (environment XIAOZHI_START)',
      `  conversation.say: found [1], allowed is a list of texts or text (file ${file}:6)`,
      '  conversation.turns: found "two", allowed is a whole number from 1 to 1000000000 (argument --turns)',
      `  log: found a number, allowed is a group of settings: {…} (file ${file}:7)`,
      `  servr: unknown key, did you mean "server"? (file ${file}:5)`,
      expect.stringContaining('config/README.md'),
    ]);
  });

  test('never show a secret, not even a wrong one or one under a misspelt key', async () => {
    const { message } = await failure(
      loadConfig({
        env: { ...noFile(), XIAOZHI_IDENTITY__HMAC_KEY: 'my-secret-key', XIAOZHI_TOKEN: 'my-secret-token' },
        overrides: runOptionOverrides({
          server: 'ftp://user:my-secret-password@host/?t=my-secret-query',
          set: ['server.tokn=my-secret-text', 'server.token=my-secret-\u0007'],
        }),
      }),
    );
    expect(message).toContain('identity.hmacKey: found a hidden value, allowed is 64 hexadecimal digits');
    expect(message).toContain('server.tokn: unknown key, did you mean "token"?');
    const swapped = await failure(
      loadConfig({ overrides: [{ path: 'server.ulr', value: 'x', source: 'test' }], env: noFile() }),
    );
    expect(swapped.message).toContain('server.ulr: unknown key, did you mean "url"?');
    expect(message).not.toContain('my-secret');
  });

  test('suggest nothing where nothing is near', async () => {
    const { message } = await failure(
      loadConfig({ env: noFile(), overrides: runOptionOverrides({ set: ['foo=1', 'a.b=1'] }) }),
    );
    expect(message.split('\n').slice(1, 3)).toEqual([
      '  foo: unknown key (argument --set foo)',
      '  a: unknown key (argument --set a.b)',
    ]);
  });

  test('are blamed on the layer that won, not on what it replaced', async () => {
    await writeFile(file, '{"audio": {"volumePercent": 101}}');
    const env = { XIAOZHI_AUDIO__VOLUME_PERCENT: '200' };
    const { message } = await failure(loadConfig({ configFile: file, env, overrides: [] }));
    expect(message).toContain(
      'audio.volumePercent: found 200, allowed is a whole number from 0 to 100 (environment XIAOZHI_AUDIO__VOLUME_PERCENT)',
    );
  });

  test('a URL that contradicts the transport is one', async () => {
    const { message } = await failure(
      loadConfig({
        env: noFile(),
        overrides: runOptionOverrides({ server: 'ws://host/', transport: 'mqtt' }),
      }),
    );
    expect(message).toContain('server.transport: found "mqtt" with a WebSocket URL in server.url');
  });

  test('--set without a value is a usage error', () => {
    expect(() => runOptionOverrides({ set: ['audio.muted'] })).toThrowError(
      'Write --set as path=value, for example --set audio.volumePercent=50.',
    );
  });

  test('a key named __proto__ is unknown like any other and changes no object', async () => {
    await writeFile(file, '{"audio": {"__proto__": {"muted": true}}, "__proto__": 1}');
    const { message } = await failure(loadConfig({ configFile: file, env: {}, overrides: [] }));
    expect(message).toContain('audio.__proto__: unknown key');
    expect(({} as { muted?: boolean }).muted).toBeUndefined();
  });
});

test('faults of the section of tools are told with all the others; a damaged tool is none', async () => {
  const overrides = [
    { path: 'audio.volumePercent', value: 'loud', source: 'argument --set' },
    { path: 'mcp', value: { tools: [{ name: 'a' }], deny: 7 }, source: 'argument --set' },
  ];
  const { message } = await failure(loadConfig({ overrides, env: noFile() }));
  expect(message).toMatch(/audio\.volumePercent: found "loud"/);
  expect(message).toMatch(/mcp\.deny: must be a list/);
  expect(message).not.toContain('mcp.tools');
});

test('a pipe in place of the file is refused at once, and not waited for', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'pipe-')), 'config.json');
  execFileSync('mkfifo', [file]);
  expect(await failure(loadConfig({ configFile: file, env: {}, overrides: [] }))).toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringContaining('it is a pipe'),
  });
});

describe('a file of another program', () => {
  const load = async (content: unknown) => {
    const file = join(await mkdtemp(join(tmpdir(), 'foreign-')), 'config.json');
    await writeFile(file, JSON.stringify(content));
    return { file, ...(await loadConfig({ configFile: file, env: {}, overrides: [] })) };
  };

  test('starts the device: what only that program knows is passed over with a warning each', async () => {
    const { config, warnings } = await load({
      mcpEndpoint: 'wss://a.example/?token=x',
      mcpServers: { notes: { command: 'x' } },
      mcpServerConfig: { notes: { tools: { read: { enable: true, usageCount: 3 } } } },
      customMCP: { tools: [] },
      connection: { heartbeatInterval: 30_000 },
      modelscope: { apiKey: 'hush' },
      webUI: { port: 9999 },
      platforms: { coze: { token: 'hush' } },
      toolCallLog: { maxRecords: 100 },
    });
    expect(config.mcpServers).toEqual({ notes: { command: 'x' } });
    expect(warnings).toEqual([
      'connection: belongs to another program, ignored',
      'modelscope: belongs to another program, ignored',
      'webUI: belongs to another program, ignored',
      'platforms: belongs to another program, ignored; a token of Coze is read from the variable COZE_TOKEN',
      'toolCallLog: belongs to another program, ignored',
    ]);
  });

  test.each([
    ['servers', { servers: { a: { command: 'x' } }, inputs: [{ id: 'k' }] }],
    ['mcp_servers', { mcp_servers: { a: { command: 'x' } } }],
    ['context_servers', { context_servers: { a: { command: 'x' } } }],
    ['mcp.servers', { mcp: { servers: { a: { command: 'x' } } } }],
  ])('may call the servers otherwise: %s', async (name, content) => {
    const { file = '', config, warnings } = await load(content);
    expect(config.mcpServers).toEqual({ a: { command: 'x' } });
    expect(warnings[0]).toBe(
      `${name}: unknown key, did you mean "mcpServers"? Its servers are taken as if they stood there`,
    );
    expect((await readMountSections(file)).mcpServers).toEqual({ a: { command: 'x' } });
  });

  test('never changes a server that is in mcpServers', async () => {
    const { config, warnings } = await load({
      servers: { a: { command: 'theirs', args: ['x'] } },
      mcpServers: { a: { command: 'ours' } },
    });
    expect(config.mcpServers).toEqual({ a: { command: 'ours' } });
    expect(warnings).toContain('servers.a: is in mcpServers, too; the one there counts');
  });
});
