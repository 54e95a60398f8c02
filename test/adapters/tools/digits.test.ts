import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ToolRunner } from '../../../src/adapters/tools/runner.ts';
import { parseExact } from '../../../src/core/exact-json.ts';
import { mountedOutput } from '../../../src/mcp/mounts/mounted-output.ts';
import { textOf } from '../../../src/mcp/result.ts';
import { outputText } from '../../../src/mcp/task-text.ts';
import type { ToolArguments } from '../../../src/mcp/tool.ts';
import { parseMessageText } from '../../../src/protocol/messages.ts';
import { closeHttpServers, serveHttp } from '../../support/http-peer.ts';
import { connect } from '../../support/mcp-connections.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { customRunnerFor, runnerDeps, runnerFor, wholeCall } from '../../support/tool-runner.ts';

const digits = '725653563933458433';
const args = parseExact(`{"id":${digits},"price":1.10}`) as ToolArguments;
const runners: ToolRunner[] = [];
const never = { signal: new AbortController().signal, timeoutMs: 10_000 };

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.dispose()));
  await closeHttpServers();
});

async function textFrom(runner: ToolRunner): Promise<string | undefined> {
  runners.push(runner);
  return textOf(await wholeCall(runner, args));
}

describe('numbers of somebody else keep their digits', () => {
  const printed = `{ "b": ${digits}, "2": 1.10, "1": 1e400, "1": -0 }`;

  it('in what a program prints, which passes as it was printed', async () => {
    const runner = runnerFor({ executable: `echo '${printed}'` });
    runners.push(runner);
    const output = await wholeCall(runner, {});
    expect([textOf(output), outputText(output)]).toEqual([printed, printed]);
  });

  it('in arguments on standard input and in words', async () => {
    expect(await textFrom(runnerFor({ executable: 'cat' }))).toBe(`{"id":${digits},"price":1.10}`);
    expect(await textFrom(runnerFor({ executable: 'echo', args: ['{{id}}', '{{price}}'] }))).toBe(
      `${digits} 1.10`,
    );
  });

  it('in HTTP answers, picked or not, and in templates', async () => {
    const url = await serveHttp((_, response) => response.end(`{"data":{"id":${digits},"price":1.10}}`));
    const http = (fields: object) => textFrom(runnerFor({ type: 'http', url, method: 'GET', ...fields }));
    expect(await http({})).toBe(`{"data":{"id":${digits},"price":1.10}}`);
    expect(await http({ resultPath: 'data.id' })).toBe(digits);
    expect(await http({ resultPath: 'data' })).toBe(`{"id":${digits},"price":1.10}`);
    const mapped = (responseMapping: object) =>
      textFrom(customRunnerFor({ type: 'http', url, method: 'GET', responseMapping }));
    expect(await mapped({ dataPath: 'data', template: 'no. {{id}}: {{price}}' })).toBe(`no. ${digits}: 1.10`);
    expect(await mapped({ dataPath: 'data.price' })).toBe('1.10');
  });

  it('in URL, query, form and body of a request', async () => {
    const url = await serveHttp(({ url: asked }, response, body) => response.end(`${asked} ${body}`));
    const http = (fields: object) => textFrom(runnerFor({ type: 'http', url, ...fields }));
    expect(await http({ method: 'GET', url: `${url}/{id}` })).toBe(`/${digits}?price=1.10`);
    expect(await http({ method: 'POST' })).toBe(`/ {"id":${digits},"price":1.10}`);
    expect(await http({ method: 'POST', body: 'form' })).toBe(`/ id=${digits}&price=1.10`);
    expect(
      await textFrom(
        customRunnerFor({ type: 'http', url, method: 'POST', bodyTemplate: '{"a":{{id}},"b":"{{price}}"}' }),
      ),
    ).toBe(`/ {"a":${digits},"b":"1.10"}`);
  });

  it('to and from MCP servers, over a pipe and over HTTP', async () => {
    const answerOf = (line: string) => {
      const { id, method } = JSON.parse(line) as { id?: number; method: string };
      if (id === undefined) return undefined;
      const result =
        method === 'initialize'
          ? '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}'
          : `{"content":[],"structuredContent":{"sent":${/"arguments":(\{.*?\})/.exec(line)?.[1]},"price":1.10}}`;
      return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
    };
    const file = join(await temporaryDirectory(), 'server.cjs');
    writeFileSync(
      file,
      `const answerOf = ${answerOf.toString()};
       require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
         const answer = answerOf(line); if (answer) console.log(answer); });`,
    );
    const events = (line: string) => `event: message\ndata: ${line}\n\n`;
    const serve = (asEvents: boolean) =>
      serveHttp(({ method }, response, body) => {
        if (method !== 'POST') return void response.writeHead(405).end();
        const answer = answerOf(body);
        if (answer === undefined) return void response.writeHead(202).end();
        response.setHeader('content-type', asEvents ? 'text/event-stream' : 'application/json');
        response.end(asEvents ? events(answer) : answer);
      });
    const http = (url: string) => ({ type: 'http', transport: 'streamable', url, headers: {} }) as const;
    const targets = [
      { type: 'stdio', command: 'node', args: [file], env: {}, cwd: '/' } as const,
      http(await serve(false)),
      http(await serve(true)),
    ];
    for (const target of targets) {
      const connection = await connect(target);
      const output = mountedOutput(await connection.callTool('t', args, never));
      await connection.close();
      expect(textOf(output)).toBe(`{"sent":{"id":${digits},"price":1.10},"price":1.10}`);
    }
  });

  it('in calls that a chat server sends; the rest of its message stays plain', () => {
    const text = `{"type":"mcp","payload":{"jsonrpc":"2.0","id":1.0,"method":"tools/call","params":{"name":"t","arguments":{"id":${digits}}}}}`;
    const parsed = parseMessageText(text);
    expect(parsed.ok && parsed.json).toMatchObject({
      payload: { id: 1, params: { arguments: { id: { text: digits } } } },
    });
  });

  it('or are refused in words where they cannot be kept', async () => {
    const directory = await temporaryDirectory();
    writeFileSync(join(directory, 'module.mjs'), 'export const run = ({ price }) => typeof price;');
    const runner = customRunnerFor(
      { type: 'custom', module: 'module.mjs', function: 'run' },
      { ...runnerDeps(), baseDirectory: directory },
    );
    runners.push(runner);
    await expect(wholeCall(runner, args)).rejects.toThrow(
      `The tool probe failed: the number ${digits} has more digits than it can take; give it as text.`,
    );
    expect(await wholeCall(runner, parseExact('{"price":1.10}') as ToolArguments)).toEqual({
      kind: 'text',
      text: 'number',
    });
  });
});
