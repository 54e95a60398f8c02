import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { RunnerDeps, ToolRunner } from '../../../src/adapters/tools/runner.ts';
import { fillJson, fillText } from '../../../src/adapters/tools/text-template.ts';
import { closeHttpServers, mirror, serveHttp } from '../../support/http-peer.ts';
import { call, customRunnerFor, failureOf, runnerDeps } from '../../support/tool-runner.ts';

const runners: ToolRunner[] = [];

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.dispose()));
  await closeHttpServers();
});

function http(config: Record<string, unknown>, deps: RunnerDeps = runnerDeps()): ToolRunner {
  const runner = customRunnerFor({ type: 'http', config }, deps);
  runners.push(runner);
  return runner;
}

const answering = (value: unknown, status = 200) =>
  serveHttp((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  });

const failed = 'TOOL_FAILED The tool probe failed: ';

test('the URL takes placeholders in double braces, too', async () => {
  expect(await call(http({ url: `${await serveHttp(mirror)}/{{city}}` }), { city: 'a/b', days: 2 })).toEqual({
    kind: 'json',
    value: { method: 'GET', url: '/a%2Fb?days=2', body: '' },
  });
});

test('a query map is the query, without what was not given', async () => {
  const url = `${await serveHttp(mirror)}/?v=1`;
  const query = { q: '{{city}}', text: 'in {{ city }}', lang: '{{language}}', n: 3 };
  expect(await call(http({ url, query }), { city: 'ü&x=', other: 1 })).toMatchObject({
    value: { url: '/?v=1&q=%C3%BC%26x%3D&text=in+%C3%BC%26x%3D&n=3' },
  });
  expect(await call(http({ url, query, method: 'POST' }), { city: 'a', other: 1 })).toMatchObject({
    value: { url: '/?v=1&q=a&text=in+a&n=3', body: '{"other":1}' },
  });
});

test('a body template is the body, as JSON or as text', async () => {
  const url = await serveHttp(mirror);
  const sent = async (bodyTemplate: unknown) =>
    (
      (await call(http({ url, method: 'POST', bodyTemplate }), { city: 'K"ln', days: 2 })) as {
        value: unknown;
      }
    ).value;
  expect(
    await sent({ where: { city: '{{city}}' }, n: '{{days}}', say: '{{days}} in {{city}}', no: '{{x}}' }),
  ).toMatchObject({
    type: 'application/json',
    body: '{"where":{"city":"K\\"ln"},"n":2,"say":"2 in K\\"ln","no":null}',
  });
  expect(await sent({ '{{city}}': 'in "{{city}}' })).toMatchObject({
    type: 'application/json',
    body: '{"K\\"ln":"in \\"K\\"ln"}',
  });
  expect(await sent('{"city": "{{city}}", "days": {{days}}, "text": "{{days}}"}')).toMatchObject({
    type: 'application/json',
    body: '{"city": "K\\"ln", "days": 2, "text": "2"}',
  });
  expect(await sent('{{days}} days in {{city}}{{x}}')).toMatchObject({
    type: 'text/plain; charset=utf-8',
    body: '2 days in K"ln',
  });
});

test('credentials may come from the environment and travel as header or query', async () => {
  const url = await serveHttp(({ headers, url }, response) =>
    response.end(`${url} ${headers.authorization} ${headers['x-api-key']}`),
  );
  const deps = { ...runnerDeps(), env: { KEY: 'hush-hush' } };
  const answer = async (auth: object) => ((await call(http({ url, auth }, deps))) as { text: string }).text;
  expect(await answer({ type: 'bearer', token: '$KEY' })).toBe('/ Bearer hush-hush undefined');
  expect(await answer({ type: 'basic', username: 'u', password: 'p' })).toBe('/ Basic dTpw undefined');
  expect(await answer({ type: 'api_key', api_key: '$KEY' })).toBe('/ undefined hush-hush');
  expect(await answer({ type: 'api_key', api_key: '$KEY', api_key_query: 'k' })).toBe(
    '/?k=hush-hush undefined undefined',
  );
});

test('without the variable of its secret a tool asks nobody and says which one it needs', async () => {
  const runner = http({ url: 'http://127.0.0.1:9/', auth: { type: 'bearer', token: '$NOT_THERE' } });
  expect(await failureOf(call(runner))).toBe(
    `${failed}the environment variable NOT_THERE is not set; set it where the device is started.`,
  );
});

test('a secret from the environment is not quoted', async () => {
  const url = await serveHttp(({ headers }, response) => response.writeHead(401).end(headers.authorization));
  const deps = { ...runnerDeps(), env: { KEY: 'hush-hush' } };
  expect(await failureOf(call(http({ url, auth: { type: 'bearer', token: '$KEY' } }, deps)))).toBe(
    `${failed}the server answered with HTTP status 401: Bearer ••••.`,
  );
});

test('the answer is mapped: a part of it, or a text made of it', async () => {
  const url = await answering({ data: [{ t: 21, city: 'Köln' }] });
  const of = (responseMapping: object) => call(http({ url, responseMapping }));
  expect(await of({ dataPath: '$.data[0]' })).toEqual({ kind: 'json', value: { t: 21, city: 'Köln' } });
  expect(await of({ dataPath: 'data.0', template: '{{t}} degrees in {{city}}{{wind.speed}}' })).toEqual({
    kind: 'text',
    text: '21 degrees in Köln',
  });
  expect(await of({ template: 'It is {{data.0}}' })).toEqual({
    kind: 'text',
    text: 'It is {"t":21,"city":"Köln"}',
  });
  expect(await failureOf(of({ dataPath: 'data.1' }))).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: the answer holds nothing at data.1.',
  );
});

test('an answer that says it has failed is a failure, in its own words where there are any', async () => {
  const of = async (answer: unknown, responseMapping: object, status = 200) =>
    failureOf(call(http({ url: await answering(answer, status), responseMapping })));
  const paths = { successPath: 'ok', errorPath: 'error.message' };
  expect(await of({ ok: false, error: { message: 'No such city' } }, paths)).toBe(`${failed}No such city.`);
  expect(await of({ error: {} }, paths)).toBe(`${failed}the server reports a failure.`);
  expect(await of({ error: 'late' }, { errorPath: 'error' })).toBe(`${failed}late.`);
  expect(await of({ error: { message: 'No such city' } }, paths, 404)).toBe(
    `${failed}the server answered with HTTP status 404: No such city.`,
  );
  const fine = { url: await answering({ ok: true, error: null }), responseMapping: paths };
  expect(await call(http(fine))).toMatchObject({ kind: 'json' });
});

test('a busy server is asked again as often as configured', async () => {
  const statuses = [503, 429, 200];
  let asked = 0;
  const url = await serveHttp((_, response) => {
    asked += 1;
    response.writeHead(statuses.shift() ?? 500).end('fine');
  });
  expect(await call(http({ url, retryCount: 2, retryDelay: 0 }))).toEqual({ kind: 'text', text: 'fine' });
  expect(await failureOf(call(http({ url, retryCount: 2, retryDelay: 0 })))).toContain('HTTP status 500');
  expect(asked).toBe(4);
  statuses.push(503, 503, 503, 200);
  expect(await failureOf(call(http({ url, retryCount: 2, retryDelay: 0 })))).toContain('HTTP status 503');
});

test('waiting for the next attempt ends with the call', async () => {
  const stop = new AbortController();
  const url = await serveHttp((_, response) => {
    response.writeHead(503).end();
    setImmediate(() => stop.abort());
  });
  const work = call(http({ url, retryCount: 1, retryDelay: 60_000 }), {}, stop.signal);
  expect(await failureOf(work)).toMatch(/^TOOL_CANCELLED /);
});

const plain = fc.string().filter((text) => !/[{}]/.test(text));

test('whatever the arguments hold, a JSON template stays JSON of its shape', () => {
  void fc.assert(
    fc.property(fc.jsonValue(), plain, (value, fixed) => {
      const template = `{"raw": {{a}}, "text": ${JSON.stringify(`${fixed} `).slice(0, -1)}{{a}}", "quote \\"": {{missing}}}`;
      const text = typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
      expect(JSON.parse(fillJson(template, { a: value }))).toEqual(
        JSON.parse(JSON.stringify({ raw: value, text: `${fixed} ${text}`, 'quote "': null })),
      );
    }),
  );
});

test('what is put into a text is not looked through again', () => {
  void fc.assert(
    fc.property(fc.string(), plain, (value, fixed) => {
      expect(fillText(`${fixed}{{a}}{{ b }}`, (name) => (name === 'a' ? value : '{{a}}'))).toBe(
        `${fixed}${value}{{a}}`,
      );
    }),
  );
});
