import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/core/logger.ts';
import { mountedOutput } from '../../../src/mcp/mounts/mounted-output.ts';
import { createMountedTools, type MountedCall } from '../../../src/mcp/mounts/mounted-tools.ts';
import type { ForeignContent, ForeignResult } from '../../../src/ports/mcp-client.ts';
import { definitionOf, foreignTool, said } from '../../support/fake-mcp-server.ts';

const { signal } = new AbortController();
const context = { signal, deadlineMs: 1000, log: silentLogger };
const noCalls = () => Promise.reject(new Error('not called'));

describe('the tools of a mounted server', () => {
  it('are offered under the name of the server with its policy and the time limit of their mode', () => {
    const [tool] = createMountedTools(noCalls).update(definitionOf('clock'), [
      foreignTool('now', 'The time.'),
    ]);
    expect(tool).toEqual({
      name: 'clock__now',
      description: 'The time.',
      inputSchema: { type: 'object' },
      audience: 'model',
      source: 'mounted',
      mode: 'sync',
      timeoutMs: 20_000,
      handoffMs: 6000,
      maxResultBytes: 1024,
      idempotent: false,
      parallel: false,
      run: expect.any(Function),
    });
  });

  it('follow what the user says of the tool, then of the server', () => {
    const definition = definitionOf('clock', {
      policy: {
        audience: 'user',
        mode: 'async',
        timeoutMs: 9000,
        handoffMs: 1,
        maxResultBytes: 200,
        idempotent: true,
        parallel: true,
      },
      tools: {
        now: {
          alias: 'time',
          description: 'Zeit',
          mode: 'background',
          audience: 'model',
          maxResultBytes: 64,
        },
        set: { enable: false },
      },
    });
    const tools = createMountedTools(noCalls).update(definition, [
      foreignTool('set'),
      foreignTool('zone'),
      foreignTool('now'),
    ]);
    expect(tools.map(({ run: _, inputSchema: __, ...rest }) => rest)).toEqual([
      {
        name: 'time',
        description: 'Zeit',
        audience: 'model',
        source: 'mounted',
        mode: 'background',
        timeoutMs: 9000,
        handoffMs: 1,
        maxResultBytes: 64,
        idempotent: true,
        parallel: true,
      },
      {
        name: 'clock__zone',
        description: 'Does zone.',
        audience: 'user',
        source: 'mounted',
        mode: 'async',
        timeoutMs: 9000,
        handoffMs: 1,
        maxResultBytes: 200,
        idempotent: true,
        parallel: true,
      },
    ]);
  });

  it('stay the same objects while nothing changes, in one order, whatever the server repeats', () => {
    const mounted = createMountedTools(noCalls);
    const before = mounted.update(definitionOf('s'), [foreignTool('b'), foreignTool('a')]);
    const after = mounted.update(definitionOf('s'), [
      foreignTool('a'),
      foreignTool('b', 'New.'),
      foreignTool('a', 'Another a.'),
    ]);
    expect(after.map(({ name, description }) => [name, description])).toEqual([
      ['s__a', 'Does a.'],
      ['s__b', 'New.'],
    ]);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it('say what they are called where their name loses its letters', () => {
    const mounted = createMountedTools(() => Promise.resolve(said('')));
    const [tool] = mounted.update(definitionOf('s'), [{ ...foreignTool('погода'), description: 'Weather.' }]);
    expect(tool?.name).toMatch(/^s__[A-Za-z0-9_-]+$/);
    expect(tool?.description).toBe('погода: Weather.');
    expect(
      mounted.update(definitionOf('s'), [{ ...foreignTool('查询天气'), description: '城市' }]),
    ).toMatchObject([{ name: 's__查询天气', description: '城市' }]);
    const named = definitionOf('s', { tools: { 查询天气: { alias: '天气' } } });
    expect(mounted.update(named, [{ ...foreignTool('查询天气'), description: '城市' }])).toMatchObject([
      { name: '天气', description: '城市' },
    ]);
  });

  it('call the server with the name it knows', async () => {
    const calls: MountedCall[] = [];
    const mounted = createMountedTools((call) => {
      calls.push(call);
      return Promise.resolve(said('noon'));
    });
    const [tool] = mounted.update(definitionOf('s'), [foreignTool('tell.time')]);
    expect(await tool?.run({ zone: 'UTC' }, context)).toEqual({ kind: 'text', text: 'noon' });
    expect(calls).toEqual([{ tool: 'tell.time', mode: 'sync', args: { zone: 'UTC' }, context }]);
  });
});

describe('what a server answers', () => {
  const text = (words: string): ForeignContent => ({ type: 'text', text: words });
  const image: ForeignContent = { type: 'image', data: 'AAAA', mimeType: 'image/png' };
  const output = (...content: ForeignContent[]) => mountedOutput({ content, isError: false });

  it('is its text; else its data, its image or a sentence', () => {
    expect(output(text('one'), image, text('two'))).toEqual({
      kind: 'text',
      text: 'one\ntwo',
      picture: { base64: 'AAAA', mimeType: 'image/png' },
    });
    expect(mountedOutput({ content: [image], structuredContent: { a: 1 }, isError: false })).toEqual({
      kind: 'json',
      value: { a: 1 },
    });
    expect(output(text(''), image)).toEqual({ kind: 'image', base64: 'AAAA', mimeType: 'image/png' });
    expect(output({ type: 'other', kind: 'audio' })).toMatchObject({
      kind: 'text',
      text: 'Done; the result (audio) cannot be shown or read out here.',
    });
    expect(output()).toMatchObject({ kind: 'text', text: 'Done; the tool gave no result.' });
  });

  it('is a failure with the words of the server when it says so', () => {
    const failed = (content: readonly ForeignContent[]): ForeignResult => ({ content, isError: true });
    expect(() => mountedOutput(failed([text('No such city')]))).toThrow('No such city');
    expect(() => mountedOutput(failed([image]))).toThrow('The tool says that it failed, but not why.');
  });
});
