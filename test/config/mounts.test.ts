import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMounts } from '../../src/config/mounts.ts';

const baseDirectory = '/etc/speaker';
const env = { HOME: '/home/me', FOO: 'value', EMPTY: '' };
const parse = (servers: unknown, config?: unknown) => parseMounts(servers, config, { baseDirectory, env });
const one = (server: unknown, config?: unknown) =>
  parse({ s: server }, config === undefined ? undefined : { s: config }).definitions[0];
const faultsOf = (servers: unknown, config?: unknown) => parse(servers, config).faults;

const placeholder = (name: string) => `$\{${name}}`;

describe('a server in the shape that every client uses', () => {
  it('is a program with defaults for the rest', () => {
    expect(one({ command: 'npx', args: ['-y', 'a'], env: { KEY: 'x' } })).toEqual({
      name: 's',
      position: 0,
      target: { type: 'stdio', command: 'npx', args: ['-y', 'a'], env: { KEY: 'x' }, cwd: '/etc/speaker' },
      enabled: true,
      start: 'eager',
      startTimeoutMs: 30_000,
      pingIntervalMs: 30_000,
      trusted: true,
      policy: {
        audience: 'model',
        mode: 'sync',
        handoffMs: 6000,
        maxResultBytes: 1024,
        idempotent: false,
        parallel: false,
      },
      tools: {},
    });
  });

  it('is switched off by the keys of other clients, whole or in part', () => {
    const server = { command: 'c', disabledTools: ['write', '__proto__', 'read'] };
    expect(one({ command: 'c', isActive: false })?.enabled).toBe(false);
    expect(one({ command: 'c', isActive: false, disabled: false })?.enabled).toBe(true);
    const tools = one(server, { tools: { read: { enable: true }, write: { description: '' } } })?.tools ?? {};
    expect(Object.entries(tools)).toEqual([
      ['read', { enable: true }],
      ['write', { enable: false }],
      ['__proto__', { enable: false }],
    ]);
    expect(faultsOf({ s: { command: 'c', disabledTools: 'write' } })).toEqual([
      'mcpServers.s.disabledTools: must be a list',
    ]);
  });

  it('is an address, which is not pinged unless asked for', () => {
    const url = 'https://mcp.example/mcp';
    expect(one({ url, headers: { Authorization: 'Bearer x' } })).toMatchObject({
      target: { type: 'http', url, headers: { Authorization: 'Bearer x' }, transport: 'auto' },
      pingIntervalMs: 0,
    });
    const transportOf = (said: object) => {
      const target = one({ url, ...said })?.target;
      return target?.type === 'http' && target.transport;
    };
    expect(
      [
        { type: 'http' },
        { type: 'streamable-http' },
        { type: 'streamable_http' },
        { transport: 'sse' },
        { type: 'sse' },
      ].map(transportOf),
    ).toEqual(['streamable', 'streamable', 'streamable', 'sse', 'sse']);
  });

  it('may be started elsewhere, take numbers in its environment, and be switched off', () => {
    expect(one({ type: 'stdio', command: 'x', cwd: 'tools', env: { PORT: 80, ON: true } })?.target).toEqual({
      type: 'stdio',
      command: 'x',
      args: [],
      env: { PORT: '80', ON: 'true' },
      cwd: '/etc/speaker/tools',
    });
    expect(one({ command: 'x', disabled: true })?.enabled).toBe(false);
    expect(one({ command: 'x', enabled: false })?.enabled).toBe(false);
    expect(one({ command: 'x', disabled: true }, { enable: true })?.enabled).toBe(true);
  });

  it.each([
    [
      'a command line as one text',
      { command: 'npx -y "a b" c' },
      { command: 'npx', args: ['-y', 'a b', 'c'] },
    ],
    ['words as one text', { command: 'npx', args: '-y a' }, { command: 'npx', args: ['-y', 'a'] }],
    ['a list', { command: ['npx', '-y', 'a'] }, { command: 'npx', args: ['-y', 'a'] }],
    ['placeholders in it', { command: `npx ${placeholder('env:FOO')}` }, { command: 'npx', args: ['value'] }],
    [
      'a program with a blank in its name',
      { command: 'My App', args: ['x'] },
      { command: 'My App', args: ['x'] },
    ],
    [
      'null for what is not set',
      { command: 'x', args: null, env: { A: null, B: 1 }, cwd: null },
      { env: { B: '1' } },
    ],
    [
      'its connection in a group',
      { transport: { type: 'stdio', command: 'x', args: ['y'] } },
      { command: 'x', args: ['y'] },
    ],
    [
      'an address in a group',
      { transport: { type: 'sse', url: 'http://h/' } },
      { url: 'http://h/', transport: 'sse' },
    ],
    ['another type than it is', { type: 'sse', command: 'x' }, { type: 'stdio' }],
    ['a type nobody knows', { type: 'constructor', url: 'http://h/' }, { transport: 'auto' }],
  ])('may be written as others write it: %s', (_, entry, target) => {
    expect(parse({ s: entry })).toMatchObject({ faults: [], definitions: [{ target }] });
  });

  it('is told that its type was passed over', () => {
    expect(parse({ s: { type: 'sse', command: 'x' } }).warnings).toEqual([
      'mcpServers.s.type: "sse" does not go with a command, ignored',
    ]);
  });

  it('may carry what other clients want to know', () => {
    const foreign = {
      autoApprove: ['a'],
      alwaysAllow: [],
      description: 'd',
      icon: 'i',
      timeout: 60,
      isActive: true,
    };
    expect(parse({ s: { command: 'x', ...foreign } })).toMatchObject({
      faults: [],
      definitions: [{ name: 's' }],
    });
  });
});

describe('what is ours', () => {
  it('is written in either spelling, beside the server or in mcpServerConfig, which wins', () => {
    const definition = one(
      {
        command: 'x',
        start: 'lazy',
        idle_stop_minutes: 10,
        start_timeout_ms: 60_000,
        mode: 'async',
        timeout_ms: 9,
      },
      { mode: 'background', handoffMs: 0, ping_interval_ms: 0, trusted: false, audience: 'user' },
    );
    expect(definition).toMatchObject({
      start: 'lazy',
      idleStopMs: 600_000,
      startTimeoutMs: 60_000,
      pingIntervalMs: 0,
      trusted: false,
      policy: { audience: 'user', mode: 'background', timeoutMs: 9, handoffMs: 0 },
    });
  });

  it('is also said of single tools, with the notes of other programs ignored', () => {
    expect(
      one(
        { command: 'x' },
        {
          tools: {
            a: { enable: false, usageCount: 3, lastUsedTime: 'x' },
            b: { alias: 'bee', timeout_ms: 5 },
          },
        },
      )?.tools,
    ).toEqual({ a: { enable: false }, b: { alias: 'bee', timeoutMs: 5 } });
  });
});

describe('what is wrong', () => {
  it('costs only itself and is told with its place, without values', () => {
    const { definitions, faults } = parse(
      {
        good: { command: 'x' },
        both: { command: 'x', url: 'http://a/' },
        none: {},
        nearly: { comand: 'hush' },
        seven: 7,
        typo: { command: 'x', comand: 'hush', arg: ['hush'] },
        web: { url: 'ftp://hush/', headers: { 'a b': 'hush' } },
        'good.': { command: 'x' },
        twice: { command: 'x', start_timeout_ms: 500, startTimeoutMs: 500 },
        fine: { url: 'http://a/' },
      },
      { goood: {}, fine: { enable: 'hush' } },
    );
    expect(definitions.map(({ name, position }) => [name, position])).toEqual([['good', 0]]);
    expect(faults).toEqual([
      'mcpServerConfig.goood: there is no such server in mcpServers, did you mean "good"?',
      'mcpServers.both: must have either a command or a url',
      'mcpServers.none: must have either a command or a url',
      'mcpServers.nearly: must have either a command or a url; "comand" is unknown, did you mean "command"?',
      'mcpServers.seven: must be an object',
      'mcpServers.typo.comand: unknown key, did you mean "command"?',
      'mcpServers.typo.arg: unknown key, did you mean "args"?',
      'mcpServers.web.url: must be an http:// or https:// URL without placeholders in the name of its host',
      'mcpServers.web.headers.a…: must be the name of a header',
      'mcpServers.good.: has the same name as "good" in the names of tools',
      'mcpServers.twice.startTimeoutMs: is given twice, in both spellings',
      'mcpServerConfig.fine.enable: must be true or false',
    ]);
  });

  it('in what is said of a tool switches that tool off', () => {
    const { definitions, faults } = parse(
      { s: { command: 'x' } },
      { s: { tools: { a: { enabel: false }, b: 7, c: { alias: 'no spaces' }, d: { mode: 'sync' } } } },
    );
    expect(definitions[0]?.tools).toEqual({
      a: { enable: false },
      b: { enable: false },
      c: { enable: false },
      d: { mode: 'sync' },
    });
    expect(faults).toEqual([
      'mcpServerConfig.s.tools.a.enabel: unknown key, did you mean "enable"?',
      'mcpServerConfig.s.tools.b: must be an object',
      'mcpServerConfig.s.tools.c.alias: must be 1 to 64 letters, digits, ".", "_" and "-"',
    ]);
  });

  it('in the sections themselves leaves no server', () => {
    expect(parse(['x'], 'y')).toMatchObject({
      definitions: [],
      faults: [
        'mcpServers: must be an object with the names of servers as its keys',
        'mcpServerConfig: must be an object with the names of servers as its keys',
      ],
    });
    expect(parse(undefined)).toEqual({ definitions: [], faults: [], warnings: [] });
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`s${n}`, { command: 'x' }]));
    expect(faultsOf(many)).toEqual(['mcpServers: at most 100 servers']);
    expect(faultsOf({ '': { command: 'x' }, 'a\nb': { command: 'x' } })).toEqual([
      'mcpServers: the name of a server must have 1 to 100 printable characters',
      'mcpServers: the name of a server must have 1 to 100 printable characters',
    ]);
  });
});

it('any JSON is understood or refused in words, and a good server beside it is kept', () => {
  const entry = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        command: fc.jsonValue(),
        url: fc.jsonValue(),
        args: fc.jsonValue(),
        env: fc.jsonValue(),
        tools: fc.jsonValue(),
        start: fc.constantFrom('eager', 'lazy', 7),
      },
      { requiredKeys: [] },
    ),
  );
  const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('__proto__', 'constructor', 'toString'));
  void fc.assert(
    fc.property(fc.dictionary(name, entry), fc.dictionary(name, entry), (servers, config) => {
      const text = JSON.stringify(servers).slice(1);
      const all = JSON.parse(`{"good":{"command":"x"}${text === '}' ? '' : ','}${text}`);
      fc.pre(!Object.hasOwn(servers, 'good') && !Object.hasOwn(config, 'good'));
      const { definitions, faults } = parse(all, config);
      expect(definitions.map((definition) => definition.name)).toContain('good');
      expect(faults.every((fault) => /^mcpServer(s|Config)\b.*: ./s.test(fault))).toBe(true);
    }),
  );
});

describe('an entry of another client', () => {
  const target = (server: unknown) => {
    const { definitions, faults } = parse({ s: server });
    return faults.length > 0 ? faults : definitions[0]?.target;
  };

  it.each([
    { command: 'npx', args: ['tsx'], disabled: false, timeout: 600, transportType: 'stdio' },
    { autoApprove: ['a'], timeout: 120, url: 'http://localhost:9000', transportType: 'streamable-http' },
    { url: 'http://localhost:9000/mcp', transport: 'http', streamable: true },
    { type: 'stdio', command: 'npx', gallery: 'https://api.example.org', version: '1.0.0' },
    { serverUrl: 'https://mcp.example.org/mcp' },
    { httpUrl: 'https://mcp.example.org/mcp', trust: true },
    { name: 'Mine', type: 'streamableHttp', baseUrl: 'https://a.example/mcp', isActive: true, tags: [] },
    { command: 'uvx', alwaysAllow: ['a'], watchPaths: ['/x'] },
    { command: 'npx', working_directory: '/tmp' },
    { command: 'npx', enabled: true, headers: {}, url: '' },
    { command: 'npx', instructions: 'use this', includeTools: ['a'], excludeTools: ['b'] },
    { command: 'npx', envFile: 'x/.env', token: 'hush', tools: ['*'] },
    { command: 'npx', oauth: { clientId: 'x' }, auth: 'oauth' },
    { command: 'npx', dev: { watch: 'x' }, sandbox: false, startup_timeout_sec: 20, tool_timeout_sec: 60 },
    { type: 'local', command: ['npx', '-y', 'x'], environment: { A: 'b' } },
    { ' url ': ' https://mcp.example.org/mcp\n', headers: { Authorization: 'Bearer x\n' } },
  ])('is taken as it is: %j', (server) => {
    expect(parse({ s: server }).faults).toEqual([]);
    expect(parse({ s: server }).definitions).toHaveLength(1);
  });

  it('means by other names what we mean by ours', () => {
    const url = 'https://mcp.example.org/mcp';
    const http = { type: 'http', url, headers: {}, transport: 'auto' };
    for (const key of ['url', 'serverUrl', 'httpUrl', 'baseUrl', 'server_url'])
      expect(target({ [key]: ` ${url} ` })).toEqual(http);
    for (const [name, transport] of [
      ['SSE', 'sse'],
      ['streamable_http', 'streamable'],
      ['Streamable-HTTP', 'streamable'],
      ['http', 'streamable'],
    ])
      expect(target({ url, transportType: name })).toEqual({ ...http, transport });
    expect(target({ command: ['npx', '-y', 'x'], workingDirectory: '/tmp' })).toMatchObject({
      command: 'npx',
      args: ['-y', 'x'],
      cwd: '/tmp',
    });
  });

  it('is told with one warning for each key that nobody knows, and a fault for a misspelt one', () => {
    const server = { command: 'x', gallery: 1, headers: {}, alwaysAllow: [], description: 'd' };
    expect(parse({ s: server })).toMatchObject({
      faults: [],
      warnings: ['mcpServers.s.gallery: unknown key, ignored', 'mcpServers.s.headers: unknown key, ignored'],
    });
    expect(parse({ s: { command: 'x', timout: 5 } }).faults).toEqual([
      'mcpServers.s.timout: unknown key, did you mean "timeoutMs"?',
    ]);
    expect(parse({ s: { command: 'x', agrs: [] } }).faults).toEqual([
      'mcpServers.s.agrs: unknown key, did you mean "args"?',
    ]);
    expect(parse({ s: { command: 'x' } }, { s: { tools: { t: { enabel: false } } } }).faults).toEqual([
      'mcpServerConfig.s.tools.t.enabel: unknown key, did you mean "enable"?',
    ]);
  });
});

/** As it stands in a file. */
const v = (name: string) => `$\{${name}}`;

describe('variables of the environment', () => {
  it('stand for their values, and "~" for the home directory', () => {
    expect(
      one({
        command: '~/bin/x',
        args: [
          v('env:FOO'),
          v('FOO'),
          v('NONE:-def'),
          `${v('HOME')}/x`,
          '~/notes',
          'a~/b',
          `$${v('FOO')}`,
          '$FOO',
        ],
        env: { KEY: `k-${v('FOO')}`, COUNT: 3 },
        cwd: '~/',
      })?.target,
    ).toEqual({
      type: 'stdio',
      command: '/home/me/bin/x',
      args: ['value', 'value', 'def', '/home/me/x', '/home/me/notes', 'a~/b', v('FOO'), '$FOO'],
      env: { KEY: 'k-value', COUNT: '3' },
      cwd: '/home/me',
    });
    expect(
      one({ url: `https://${v('FOO')}.example/`, headers: { Authorization: `Bearer ${v('env:FOO')}` } })
        ?.target,
    ).toMatchObject({ url: 'https://value.example/', headers: { Authorization: 'Bearer value' } });
  });

  it.each([
    [v('NONE'), 'the variable NONE of the environment is not set'],
    [v('EMPTY'), 'the variable EMPTY of the environment is not set'],
    [v('env:NONE'), 'the variable NONE of the environment is not set'],
    [
      v('input:key'),
      `${v('input:key')} is known to an editor only; write the value there, or the name of a variable`,
    ],
    [
      `${v('workspaceFolder')}/x`,
      `${v('workspaceFolder')} is known to an editor only; write the value there, or the name of a variable`,
    ],
  ])('that are not known cost their entry: %s', (word, fault) => {
    const servers = { bad: { command: 'x', env: { KEY: word } }, good: { command: 'y' } };
    const { definitions, faults } = parse(servers);
    expect(definitions.map(({ name }) => name)).toEqual(['good']);
    expect(faults).toEqual([`mcpServers.bad.env.KEY: ${fault}`]);
  });
});
