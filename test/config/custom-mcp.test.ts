import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCustomMcp, readCustomMcp } from '../../src/config/custom-mcp.ts';

const weather = {
  name: 'weather',
  description: 'Tells the weather.',
  handler: { type: 'http', config: { url: 'https://api.example/{{city}}' } },
};
const faultsOf = (tools: unknown) => parseCustomMcp({ tools }).faults;
const targetOf = (handler: unknown) => {
  const { tools, faults } = parseCustomMcp({ tools: [{ ...weather, handler }] });
  expect(faults).toEqual([]);
  return tools[0]?.target;
};

test('nothing given is no tools', () => {
  expect(parseCustomMcp(undefined)).toEqual({ tools: [], faults: [], warnings: [] });
  expect(parseCustomMcp({})).toEqual({ tools: [], faults: [], warnings: [] });
});

test('one tool instead of a list is taken as that', () => {
  expect(parseCustomMcp({ tools: weather }).tools.map(({ name }) => name)).toEqual(['weather']);
});

test('a tool has the keys that every configured tool has, in both spellings', () => {
  const [tool] = parseCustomMcp({
    tools: [
      {
        ...weather,
        mode: 'async',
        timeout_ms: 5,
        handoffMs: 7,
        max_result_bytes: 64,
        stats: { usageCount: 1 },
      },
    ],
  }).tools;
  expect(tool).toEqual({
    name: 'weather',
    description: 'Tells the weather.',
    inputSchema: { type: 'object', properties: {} },
    audience: 'model',
    mode: 'async',
    timeoutMs: 5,
    handoffMs: 7,
    maxResultBytes: 64,
    idempotent: false,
    parallel: false,
    target: { type: 'http', url: 'https://api.example/{city}', method: 'GET', body: 'json', headers: {} },
  });
});

test('the time limit of a handler counts where the tool has none', () => {
  const config = { ...weather.handler.config, timeout: 9 };
  const limits = parseCustomMcp({
    tools: [
      { ...weather, handler: { type: 'http', config } },
      { ...weather, name: 'b', timeoutMs: 8, handler: { type: 'http', config } },
    ],
  }).tools.map(({ timeoutMs }) => timeoutMs);
  expect(limits).toEqual([9, 8]);
});

test('a tool that is switched off is not there, whatever stands in it', () => {
  expect(parseCustomMcp({ tools: [{ enabled: false, handler: 'later' }, weather] }).tools).toHaveLength(1);
  expect(faultsOf([{ enabled: false }])).toEqual([]);
});

test('settings of a handler may stand in config or beside its type, in both spellings', () => {
  const expected = {
    type: 'http',
    url: 'https://a/',
    method: 'POST',
    body: 'json',
    headers: { 'X-A': 'a_b' },
    auth: { type: 'header', name: 'X-Key', value: { env: 'MY_KEY' } },
    bodyTemplate: { kind: 'json', template: '{"c":{{city}},"t":"at {{time}}"}' },
    successPath: 'ok',
    errorPath: 'error.message',
    resultPath: 'items.0.title',
    retry: { count: 2, delayMs: 1000 },
  };
  const snake = {
    url: 'https://a/',
    method: 'post',
    headers: { 'X-A': 'a_b' },
    auth: { type: 'api_key', api_key: '$MY_KEY', api_key_header: 'X-Key' },
    body_template: '{"c":{{city}},"t":"at {{time}}"}',
    response_mapping: { success_path: '$.ok', error_path: 'error.message', data_path: '$.items[0].title' },
    retry_count: 2,
  };
  const camel = {
    ...{ url: snake.url, method: snake.method, headers: snake.headers },
    auth: { type: 'apiKey', apiKey: ['$', '{MY_KEY}'].join(''), apiKeyHeader: 'X-Key' },
    bodyTemplate: { c: '{{city}}', t: 'at {{time}}' },
    responseMapping: { successPath: 'ok', errorPath: 'error.message', dataPath: 'items.0.title' },
    retryCount: 2,
  };
  expect(targetOf({ type: 'http', ...snake })).toEqual(expected);
  expect(targetOf({ type: 'http', config: camel })).toEqual(expected);
});

test('a workflow at Coze is known under the words of other programs, too', () => {
  const expected = {
    type: 'coze',
    baseUrl: 'https://api.coze.cn',
    token: { env: 'COZE_TOKEN' },
    workflowId: '7',
    parameters: { lang: 'en' },
  };
  const config = { workflowId: '7', token: '$COZE_TOKEN', parameters: { lang: 'en' } };
  expect(targetOf({ type: 'proxy', target: 'coze', config })).toEqual(expected);
  expect(
    targetOf({
      type: 'proxy',
      platform: 'coze',
      config: {
        workflow_id: '7',
        api_key: '$COZE_TOKEN',
        params: { lang: 'en' },
        base_url: 'https://api.coze.cn/',
      },
    }),
  ).toEqual(expected);
});

test('a function runs in a process of its own unless its module is trusted', () => {
  const expected = { type: 'custom', module: 'a.mjs', function: 'default', context: {}, runsIn: 'worker' };
  expect(targetOf({ type: 'custom', config: { module: 'a.mjs' } })).toEqual(expected);
  expect(
    targetOf({ type: 'function', module: 'a.mjs', function: 'f', context: { a_b: 1 }, trusted: true }),
  ).toEqual({ ...expected, function: 'f', context: { a_b: 1 }, runsIn: 'device' });
});

test('damaged entries are reported, all faults of each, without values, and the rest works', () => {
  const http = (config: object) => ({ ...weather, name: 'x', handler: { type: 'http', config } });
  const { tools, faults } = parseCustomMcp({
    tool: [],
    tools: [
      7,
      { ...weather, name: 'a b', handler: { type: 'htpp' } },
      { ...weather, handlr: weather.handler, handler: undefined },
      { ...weather, name: 'c', handler: { type: 'proxy', target: 'cose' } },
      { ...weather, name: 'd', handler: { type: 'proxy', target: 'coze', config: { workflowId: '7' } } },
      { ...weather, name: 'e', handler: { type: 'custom', config: { modul: 'hush.mjs' } } },
      http({ url: 'http://{{host}}/', hedaers: { token: 'hush' } }),
      http({ url: 'http://a/', method: 'POST', body_template: '{"a": hush' }),
      http({ url: 'http://a/', body_template: '{}' }),
      http({ url: 'http://a/', auth: { type: 'bearer', tok: 'hush' } }),
      { ...weather, timeoutMs: 1, timeout_ms: 2 },
      weather,
      { ...weather, name: 'w.x' },
      { ...weather, name: 'w_x' },
    ],
  });
  expect(tools.map(({ name }) => name)).toEqual(['d', 'weather', 'w.x']);
  expect(faults).toEqual([
    'customMCP.tool: unknown key, did you mean "tools"?',
    'customMCP.tools[0]: must be an object',
    'customMCP.tools[1] ("a b").name: must be 1 to 64 letters, digits, ".", "_" and "-"',
    'customMCP.tools[1] ("a b").handler.type: must be one of http, custom, proxy, did you mean "http"?',
    'customMCP.tools[2] ("weather").handlr: unknown key, did you mean "handler"?',
    'customMCP.tools[2] ("weather").handler: must be an object with a type',
    'customMCP.tools[3] ("c").handler.target: must be one of coze, did you mean "coze"?',
    'customMCP.tools[5] ("e").handler.config.modul: unknown key, did you mean "module"?',
    'customMCP.tools[5] ("e").handler.config.module: is missing; it must be text',
    'customMCP.tools[6] ("x").handler.config.hedaers: unknown key, did you mean "headers"?',
    'customMCP.tools[6] ("x").handler.config.url: must be an http:// or https:// URL without placeholders in the name of its host',
    'customMCP.tools[7] ("x").handler.config.bodyTemplate: must be JSON in which {{name}} stands for an argument, or a text that does not begin with {',
    'customMCP.tools[8] ("x").handler.config.bodyTemplate: needs the method POST, PUT or PATCH',
    'customMCP.tools[9] ("x").handler.config.auth.token: is missing; it must be text',
    'customMCP.tools[9] ("x").handler.config.auth.tok: unknown key',
    'customMCP.tools[10] ("weather").timeoutMs: is given twice, in both spellings',
    'customMCP.tools[13] ("w_x"): "w_x" and "w.x" are the same name to a server',
  ]);
});

test('a section that is no group of settings costs only itself', () => {
  expect(parseCustomMcp([weather]).faults).toEqual(['customMCP: must be an object, such as {"tools": […]}']);
  expect(parseCustomMcp({ tools: 'weather' }).faults).toEqual(['customMCP.tools: must be a list']);
});

test('whatever stands there, the answer is tools and readable faults', () => {
  const key = fc.constantFrom(
    'type',
    'target',
    'config',
    'url',
    'auth',
    'module',
    'bodyTemplate',
    '__proto__',
  );
  const handler = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.jsonValue()))),
  );
  const tool = fc.oneof(fc.jsonValue(), fc.record({ name: fc.string(), description: fc.string(), handler }));
  void fc.assert(
    fc.property(fc.array(tool), (tools) => {
      const { tools: read, faults } = parseCustomMcp({ tools });
      expect(read.length + faults.length).toBeGreaterThanOrEqual(tools.length);
      for (const fault of faults) expect(fault).toMatch(/^customMCP\.tools\[\d+\]/);
    }),
  );
});

test('the file is read alone: other sections and a missing file are no matter', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'custom-mcp-')), 'config.json');
  expect(await readCustomMcp(file)).toEqual({ tools: [], faults: [], warnings: [] });
  await writeFile(file, JSON.stringify({ mcp: 7, customMCP: { tools: [weather] } }));
  expect((await readCustomMcp(file)).tools.map(({ name }) => name)).toEqual(['weather']);
});
