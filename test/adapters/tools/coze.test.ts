import { afterEach, expect, test } from 'vitest';
import type { ToolRunner } from '../../../src/adapters/tools/runner.ts';
import { closeHttpServers, serveHttp } from '../../support/http-peer.ts';
import { call, customRunnerFor, failureOf, runnerDeps } from '../../support/tool-runner.ts';

const runners: ToolRunner[] = [];

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.dispose()));
  await closeHttpServers();
});

function coze(baseUrl: string, config: object = {}): ToolRunner {
  const deps = { ...runnerDeps(), env: { COZE_TOKEN: 'pat_hush' } };
  const settings = { workflow_id: '73', token: '$COZE_TOKEN', baseUrl, ...config };
  const runner = customRunnerFor({ type: 'proxy', target: 'coze', config: settings }, deps);
  runners.push(runner);
  return runner;
}

const answering = (answer: unknown, status = 200) =>
  serveHttp((_, response) => response.writeHead(status).end(JSON.stringify(answer)));

test('a call runs the workflow with its arguments, those of the configuration win', async () => {
  const url = await serveHttp(({ method, url, headers }, response, body) => {
    const asked = {
      method,
      url,
      type: headers['content-type'],
      auth: headers.authorization,
      body: JSON.parse(body),
    };
    response.end(JSON.stringify({ code: 0, msg: 'Success', data: JSON.stringify(asked) }));
  });
  const runner = coze(`${url}/`, { parameters: { lang: 'zh' } });
  expect(await call(runner, { topic: 'tea', lang: 'en' })).toEqual({
    kind: 'json',
    value: {
      method: 'POST',
      url: '/v1/workflow/run',
      type: 'application/json',
      auth: 'Bearer pat_hush',
      body: { workflow_id: '73', parameters: { topic: 'tea', lang: 'zh' } },
    },
  });
});

test('what a workflow gives out may be a text or JSON', async () => {
  const of = async (data: unknown) => call(coze(await answering({ code: 0, msg: '', data })));
  expect(await of('a poem')).toEqual({ kind: 'text', text: 'a poem' });
  expect(await of('{"output":"a poem"}')).toEqual({ kind: 'json', value: { output: 'a poem' } });
  expect(await of({ output: 1 })).toEqual({ kind: 'json', value: { output: 1 } });
  expect(await of(null)).toEqual({ kind: 'json', value: null });
});

test('a code other than 0, or a status, is a failure in words', async () => {
  const failure = async (answer: unknown, status?: number) =>
    failureOf(call(coze(await answering(answer, status))));
  const failed = 'TOOL_FAILED The tool probe failed:';
  expect(await failure({ code: 4000, msg: 'Bad pat_hush.' })).toBe(
    `${failed} Coze says: Bad •••• (code 4000).`,
  );
  expect(await failure({ code: 700012006, msg: '' }, 401)).toBe(
    `${failed} Coze answered with code 700012006.`,
  );
  expect(await failure('oops', 502)).toBe(`${failed} Coze answered with HTTP status 502.`);
  expect(await failure({ hello: 1 })).toBe(
    'TOOL_BAD_OUTPUT The tool probe gave no usable answer: Coze did not answer as a workflow does.',
  );
  expect(await failure([])).toMatch(/^TOOL_BAD_OUTPUT /);
});

test('a token that is not in the environment is missed before anything is sent', async () => {
  expect(await failureOf(call(coze('http://127.0.0.1:9', { token: '$NOT_THERE' })))).toContain(
    'the environment variable NOT_THERE is not set',
  );
});

test('a call that is taken back ends at once', async () => {
  const stop = new AbortController();
  const url = await serveHttp(() => stop.abort());
  expect(await failureOf(call(coze(url), {}, stop.signal))).toMatch(/^TOOL_CANCELLED /);
});
