import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandWords } from '../../src/config/command-words.ts';
import { parseToolsConfig, readToolsConfig } from '../../src/config/tools.ts';

const weather = { name: 'weather', description: 'Tells the weather.', executable: 'python3 weather.py' };
const one = (tool: Record<string, unknown>) => parseToolsConfig({ tools: [tool] }).tools[0];

const faultsOf = (raw: unknown) => parseToolsConfig(raw).faults;

test('nothing given is no tools', () => {
  expect(parseToolsConfig(undefined)).toEqual({
    tools: [],
    allow: ['*'],
    deny: [],
    faults: [],
    warnings: [],
  });
  expect(parseToolsConfig({ enabled: false, tools: [weather] }).tools).toEqual([]);
});

test('a program needs little: defaults fill the rest', () => {
  expect(one(weather)).toEqual({
    name: 'weather',
    description: 'Tells the weather.',
    inputSchema: { type: 'object', properties: {} },
    audience: 'model',
    mode: 'sync',
    timeoutMs: 20_000,
    handoffMs: 6000,
    maxResultBytes: 1024,
    idempotent: false,
    parallel: false,
    target: { type: 'subprocess', command: ['python3', 'weather.py'], args: [], cwd: undefined, env: {} },
  });
});

test('both spellings of a key are taken, but not both at once', () => {
  const schema = { type: 'object', properties: { snake_case: { type: 'string' } } };
  const snake = one({
    ...weather,
    input_schema: schema,
    timeout_ms: 5,
    max_result_bytes: 64,
    env: { MY_CITY: 'x' },
  });
  const camel = one({
    ...weather,
    inputSchema: schema,
    timeoutMs: 5,
    maxResultBytes: 64,
    env: { MY_CITY: 'x' },
  });
  expect(snake).toEqual(camel);
  expect(snake?.inputSchema).toEqual(schema);
  expect(faultsOf({ tools: [{ ...weather, timeout_ms: 1, timeoutMs: 2 }] })).toEqual([
    'mcp.tools[0] ("weather").timeoutMs: is given twice, in both spellings',
  ]);
});

test('every kind of target is understood', () => {
  const of = ({ executable: _, ...rest }: Record<string, unknown>) => one(rest)?.target;
  expect(of({ ...weather, type: 'http', url: 'https://api.example/{city}', method: 'post' })).toEqual({
    type: 'http',
    url: 'https://api.example/{city}',
    method: 'POST',
    body: 'json',
    headers: {},
    auth: undefined,
    resultPath: undefined,
  });
  expect(of({ ...weather, type: 'tcp', address: '[::1]:9000' })).toEqual({
    type: 'tcp',
    host: '::1',
    port: 9000,
    framing: 'newline',
    method: undefined,
    read: 'auto',
    readIdleMs: 300,
    encoding: undefined,
  });
  expect(of({ ...weather, type: 'unix', path: '/run/a.sock', framing: 'length', method: 'm' })).toEqual({
    type: 'unix',
    path: '/run/a.sock',
    framing: 'length',
    method: 'm',
    read: 'auto',
    readIdleMs: 300,
    encoding: undefined,
  });
  expect(of({ ...weather, type: 'websocket', url: 'ws://a/' })).toEqual({
    type: 'websocket',
    url: 'ws://a/',
    headers: {},
    method: undefined,
  });
  expect(faultsOf({ tools: [{ ...weather, type: 'http', url: 'https://a/' }] })).toEqual([
    'mcp.tools[0] ("weather").executable: unknown key',
  ]);
});

test('all faults come at once, with a suggestion and without values', () => {
  expect(
    faultsOf({
      tools: [
        { ...weather, executable: 'cat x | sh', timeoutMs: -1 },
        { ...weather, executabel: 'x' },
        { ...weather, name: 'b', executable: undefined, type: 'carrier-pigeon' },
        { name: 'c', description: 'C.', type: 'http', url: 'http://{host}/', headers: { 'x y': 'hush' } },
        { name: 'd', description: 'D.', type: 'tcp', address: 'localhost' },
        {
          name: 'e',
          description: 'E.',
          type: 'http',
          url: 'http://a/',
          auth: { type: 'bearer', tok: 'hush' },
        },
        7,
        { ...weather, name: 'f', inputSchema: { type: 'string' } },
      ],
    }),
  ).toEqual([
    'mcp.tools[0] ("weather").timeoutMs: must be at least 1',
    'mcp.tools[0] ("weather").executable: must be a program and its arguments; a tool is not run by a shell',
    'mcp.tools[1] ("weather").executabel: unknown key, did you mean "executable"?',
    'mcp.tools[2] ("b").type: must be one of subprocess, http, tcp, unix, websocket',
    'mcp.tools[3] ("c").url: must be an http:// or https:// URL without placeholders in the name of its host',
    'mcp.tools[3] ("c").headers.x…: must be the name of a header',
    'mcp.tools[4] ("d").address: must be HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000',
    'mcp.tools[5] ("e").auth.token: is missing; it must be text',
    'mcp.tools[5] ("e").auth.tok: unknown key',
    'mcp.tools[6]: must be an object',
    'mcp.tools[7] ("f").inputSchema.type: must be "object"',
  ]);
});

test('names that are the same to a server are refused', () => {
  const tools = [
    { ...weather, name: 'a.b' },
    { ...weather, name: 'a_b' },
  ];
  expect(faultsOf({ tools })).toEqual(['mcp.tools: "a_b" and "a.b" are the same name to a server']);
});

test('whatever stands in the file, the answer is definitions or one readable error', () => {
  void fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.record({ tools: fc.array(fc.jsonValue()) })), (raw) => {
      try {
        parseToolsConfig(raw);
      } catch (thrown) {
        expect(thrown).toMatchObject({ name: 'ClientError', code: 'CONFIG_INVALID' });
      }
    }),
  );
});

test('a command line is split like a shell would, without being a shell', () => {
  expect(commandWords('python3 calc.py')).toEqual(['python3', 'calc.py']);
  expect(commandWords(`"/opt/my tools/x" -a 'b c' d\\ e ""`)).toEqual([
    '/opt/my tools/x',
    '-a',
    'b c',
    'd e',
    '',
  ]);
  expect(commandWords('echo $HOME {{city}} *.txt')).toEqual(['echo', '$HOME', '{{city}}', '*.txt']);
  for (const line of ['a | b', 'a > b', 'a & b', 'a; b', 'a $(b)', '', '  ', 'a # c'])
    expect(commandWords(line), line).toBeUndefined();
});

test('the example and the guide hold tools that are valid', async () => {
  const { tools } = await readToolsConfig(
    new URL('../../config/tools.example.jsonc', import.meta.url).pathname,
  );
  expect(new Set(tools.map(({ target }) => target.type))).toEqual(
    new Set(['subprocess', 'http', 'tcp', 'unix', 'websocket']),
  );
});

test('a damaged entry costs only itself, and a key of another program costs nothing', () => {
  const tools = [weather, { ...weather, name: 'b', timout: 5 }, 7, { ...weather, name: 'c', author: 'me' }];
  const { tools: read, faults, warnings } = parseToolsConfig({ tools });
  expect(read.map(({ name }) => name)).toEqual(['weather', 'c']);
  expect(faults).toEqual([
    'mcp.tools[1] ("b").timout: unknown key, did you mean "timeoutMs"?',
    'mcp.tools[2]: must be an object',
  ]);
  expect(warnings).toEqual(['mcp.tools[3] ("c").author: unknown key, ignored']);
});

test('what a section is to forbid must be right: without it the device does not start', () => {
  expect(() => parseToolsConfig({ tools: [weather], deny: 7 })).toThrow('mcp.deny: must be a list');
});

test('switched off is every tool, of whatever source', () => {
  expect(parseToolsConfig({ enabled: false, tools: [weather], allow: ['*'] })).toMatchObject({
    tools: [],
    allow: [],
    deny: ['*'],
  });
});
