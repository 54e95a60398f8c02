import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunnerDeps, ToolRunner } from '../../../src/adapters/tools/runner.ts';
import type { ToolArguments } from '../../../src/mcp/tool.ts';
import { ended } from '../../support/tool-program.ts';
import { call, customRunnerFor, failureOf, runnerDeps } from '../../support/tool-runner.ts';

let directory: string;
let deps: RunnerDeps;
const runners: ToolRunner[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'custom-'));
  deps = { ...runnerDeps(), baseDirectory: directory };
});

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.dispose()));
  await rm(directory, { recursive: true });
});

async function moduleWith(source: string, name = 'tool.mjs'): Promise<string> {
  await writeFile(join(directory, name), source);
  return name;
}

function runnerOf(config: Record<string, unknown>): ToolRunner {
  const runner = customRunnerFor({ type: 'custom', config }, deps);
  runners.push(runner);
  return runner;
}

const text = (value: string) => ({ kind: 'text', text: value });
const json = (value: unknown) => ({ kind: 'json', value });

describe.each(['worker', 'device'])('a function in the %s process', (place) => {
  const of = (config: Record<string, unknown>) => runnerOf({ ...config, trusted: place === 'device' });

  test('gets the arguments and its context, and gives text or JSON', async () => {
    const module = await moduleWith(`
      export default ({ name }, { context }) => context.greeting + ', ' + name;
      export const sum = async ({ numbers }) => ({ sum: numbers.reduce((a, b) => a + b, 0) });
      export const nothing = () => {};
    `);
    expect(await call(of({ module, context: { greeting: 'Hello' } }), { name: 'Ann' })).toEqual(
      text('Hello, Ann'),
    );
    expect(await call(of({ module, function: 'sum' }), { numbers: [1, 2] })).toEqual(json({ sum: 3 }));
    expect(await call(of({ module, function: 'nothing' }))).toEqual(json(null));
  });

  test('may stand in a CommonJS module', async () => {
    const module = await moduleWith('module.exports = { hi: () => "hi" };', 'tool.cjs');
    expect(await call(of({ module, function: 'hi' }))).toEqual(text('hi'));
  });

  test('fails in words when it throws, whatever it throws', async () => {
    const module = await moduleWith(`
      export const error = () => { throw new Error('The printer is out of paper.'); };
      export const rejection = () => Promise.reject('no ink');
      export const nothing = () => { throw null; };
      export const odd = () => { throw { get message() { throw 1; } }; };
      export const symbol = () => Promise.reject(Symbol('odd'));
      export const circle = () => { const a = {}; a.a = a; return a; };
    `);
    const failure = (name: string) => failureOf(call(of({ module, function: name })));
    const failed = 'TOOL_FAILED The tool probe failed: ';
    expect(await failure('error')).toBe(`${failed}The printer is out of paper.`);
    expect(await failure('rejection')).toBe(`${failed}no ink.`);
    expect(await failure('nothing')).toBe(`${failed}null.`);
    expect(await failure('odd')).toBe(`${failed}it gave no reason.`);
    expect(await failure('symbol')).toBe(`${failed}Symbol(odd).`);
    expect(await failure('circle')).toContain(`${failed}Converting circular structure to JSON`);
    expect(await failure('missing')).toBe(`${failed}its module exports no function "missing".`);
  });

  test('is not there when its module is not', async () => {
    expect(await failureOf(call(of({ module: 'lost.mjs' })))).toBe(
      'TOOL_FAILED The tool probe failed: its module lost.mjs was not found.',
    );
  });

  test('is loaded anew when its file has changed, also after one that could not be loaded', async () => {
    const module = await moduleWith('export default () => "one";');
    const runner = of({ module });
    expect(await call(runner)).toEqual(text('one'));
    await moduleWith('export default () => { not javascript');
    expect(await failureOf(call(runner))).toContain('its module cannot be loaded: ');
    await moduleWith('export default () => "second";');
    expect(await call(runner)).toEqual(text('second'));
  });

  test('is not let give more than the limit', async () => {
    const module = await moduleWith('export default () => "x".repeat(100_000_000);');
    expect(await failureOf(call(of({ module })))).toBe(
      'TOOL_BAD_OUTPUT The tool probe gave no usable answer: it is larger than 2097152 bytes.',
    );
  });

  test('keeps secrets of its context out of what it complains about', async () => {
    const module = await moduleWith('export default (_, { context }) => { throw context.apiKey; };');
    expect(await failureOf(call(of({ module, context: { apiKey: 'hush-hush' } })))).toBe(
      'TOOL_FAILED The tool probe failed: ••••.',
    );
  });

  test('that never ends is given up when its call is', async () => {
    const module = await moduleWith('export default () => new Promise(() => {});');
    const stop = new AbortController();
    const work = failureOf(call(of({ module }), {}, stop.signal));
    setImmediate(() => stop.abort());
    expect(await work).toBe('TOOL_CANCELLED The tool probe was stopped before it had finished.');
  });

  test('any arguments arrive as they are', async () => {
    const module = await moduleWith('export default (args) => ({ args });');
    const runner = of({ module });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (args) => {
        const given = JSON.parse(JSON.stringify(args)) as ToolArguments;
        expect(await call(runner, given)).toEqual(json({ args: given }));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the worker process', () => {
  test('stays warm, and is one for all tools of a module', async () => {
    const module = await moduleWith(
      'let n = 0; export const next = () => ++n; export const pid = () => process.pid;',
    );
    const [next, pid] = [runnerOf({ module, function: 'next' }), runnerOf({ module, function: 'pid' })];
    expect(await call(next)).toEqual(json(1));
    expect(await call(next)).toEqual(json(2));
    const { value } = (await call(pid)) as { value: number };
    await next.dispose();
    expect(await call(pid)).toEqual(json(value));
    await pid.dispose();
    await ended([value]);
  });

  test('works at several calls at once', async () => {
    const module = await moduleWith(`
      const waiting = [];
      export default () => new Promise((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 3) for (const one of waiting) one('together');
      });
    `);
    const runner = runnerOf({ module });
    expect(await Promise.all([1, 2, 3].map(() => call(runner)))).toEqual(
      [1, 2, 3].map(() => text('together')),
    );
  });

  test('sees only what children may see of the environment', async () => {
    const module = await moduleWith('export default () => Object.keys(process.env).sort();');
    deps = { ...deps, env: { PATH: process.env.PATH, COZE_TOKEN: 'hush' } };
    expect(await call(runnerOf({ module }))).toEqual(json(['PATH', 'XIAOZHI_TOOL_RUN']));
  });

  test('may print what it likes', async () => {
    const module = await moduleWith(`
      export default () => {
        console.log('{"id":1,"outcome":{"kind":"text","text":"fake"}}');
        console.error('x'.repeat(1_000_000));
        return 'real';
      };
    `);
    expect(await call(runnerOf({ module }))).toEqual(text('real'));
  });

  test('that ends fails its calls, and the next call has another', async () => {
    const module = await moduleWith(`
      export const quit = () => process.exit(3);
      export const crash = () => new Promise(() => { setTimeout(() => { throw new Error('boom'); }); });
      export const rejected = () => new Promise(() => { void Promise.reject(new Error('nobody caught')); });
      export const killed = () => process.kill(process.pid, 'SIGKILL');
      export const fine = () => 'fine';
    `);
    const run = (name: string) => call(runnerOf({ module, function: name }));
    const failed = 'TOOL_FAILED The tool probe failed: its process';
    for (const [name, how] of [
      ['quit', 'ended with exit code 3'],
      ['crash', 'ended with exit code 1: boom'],
      ['rejected', 'ended with exit code 1: nobody caught'],
      ['killed', 'was ended by SIGKILL'],
    ] as const) {
      expect(await failureOf(run(name))).toBe(`${failed} ${how}.`);
      expect(await run('fine')).toEqual(text('fine'));
    }
  });

  test('does not stay with a module that it could not load', async () => {
    const module = await moduleWith('import { hi } from "./other.mjs"; export default hi;');
    const runner = runnerOf({ module });
    expect(await failureOf(call(runner))).toMatch(
      /^TOOL_FAILED The tool probe failed: its module cannot be loaded: Cannot find module /,
    );
    await moduleWith('export const hi = () => "hi";', 'other.mjs');
    expect(await call(runner)).toEqual(text('hi'));
  });

  test('that writes into the pipe of its process is ended', async () => {
    const module = await moduleWith(`
      import { writeSync } from 'node:fs';
      export const junk = () => { writeSync(3, 'no json\\n'); return new Promise(() => {}); };
      export const forged = () => { writeSync(3, '{"id":1,"outcome":{"kind":"json","json":7}}\\n'); return new Promise(() => {}); };
      export const fine = () => 'fine';
    `);
    for (const name of ['junk', 'forged']) {
      expect(await failureOf(call(runnerOf({ module, function: name })))).toBe(
        'TOOL_FAILED The tool probe failed: its module wrote into the pipe of its process.',
      );
      expect(await call(runnerOf({ module, function: 'fine' }))).toEqual(text('fine'));
    }
  });

  test('in an endless loop is ended with all that it started, and the next call has another', async () => {
    const module = await moduleWith(`
      import { spawn } from 'node:child_process';
      import { writeFileSync } from 'node:fs';
      export const loop = () => {
        const child = spawn('sleep', ['1000'], { detached: true });
        writeFileSync('pids', process.pid + ' ' + child.pid);
        for (;;);
      };
      export const fine = () => 'fine';
    `);
    const stop = new AbortController();
    const work = failureOf(call(runnerOf({ module, function: 'loop' }), {}, stop.signal));
    const pids = await vi.waitFor(
      async () => {
        const found = (await readFile(join(directory, 'pids'), 'utf8')).split(' ').map(Number);
        expect(found).toHaveLength(2);
        return found;
      },
      { timeout: 10_000 },
    );
    const beside = failureOf(call(runnerOf({ module, function: 'fine' })));
    stop.abort();
    expect(await work).toMatch(/^TOOL_CANCELLED /);
    expect(await beside).toBe(
      'TOOL_FAILED The tool probe failed: another call had to be stopped, and its process with it.',
    );
    await ended(pids);
    expect(await call(runnerOf({ module, function: 'fine' }))).toEqual(text('fine'));
  });

  test('stays when a function ends in time because its call was taken back', async () => {
    const module = await moduleWith(`
      import { writeFileSync } from 'node:fs';
      export const wait = (_, { signal }) => new Promise((resolve) => {
        writeFileSync('waiting', '');
        signal.addEventListener('abort', () => resolve('over'));
      });
      export const pid = () => process.pid;
    `);
    const [wait, pid] = [runnerOf({ module, function: 'wait' }), runnerOf({ module, function: 'pid' })];
    const before = await call(pid);
    const stop = new AbortController();
    const work = failureOf(call(wait, {}, stop.signal));
    await vi.waitFor(() => stat(join(directory, 'waiting')), { timeout: 10_000 });
    stop.abort();
    expect(await work).toMatch(/^TOOL_CANCELLED /);
    expect(await call(pid)).toEqual(before);
  });

  test('of an older file finishes its calls beside that of the new one', async () => {
    const source = (name: string) => `
      import { existsSync, writeFileSync } from 'node:fs';
      export const slow = async () => {
        writeFileSync('${name}', '');
        while (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 5));
        return '${name}';
      };
      export const quick = () => '${name}';
    `;
    const module = await moduleWith(source('old'));
    const old = call(runnerOf({ module, function: 'slow' }));
    await vi.waitFor(() => stat(join(directory, 'old')), { timeout: 10_000 });
    await moduleWith(source('new'));
    await utimes(join(directory, module), 1, 1);
    expect(await call(runnerOf({ module, function: 'quick' }))).toEqual(text('new'));
    await writeFile(join(directory, 'go'), '');
    expect(await old).toEqual(text('old'));
  });
});
