import { afterEach, describe, expect, it } from 'vitest';
import { createTunnel, type TunnelTarget } from '../../../src/adapters/outbound-link/tunnel.ts';
import { readAuthorities } from '../../../src/config/authorities.ts';
import { ClientError, ErrorCode } from '../../../src/core/errors.ts';
import type { Tool } from '../../../src/mcp/tool.ts';
import { createTunnelServer } from '../../../src/mcp/tunnel-server.ts';
import type { TunnelStatus } from '../../../src/ports/outbound-link.ts';
import { mcpParts, tool } from '../../support/mcp-parts.ts';
import { recordingLogger } from '../../support/outbound.ts';
import {
  type Peer,
  type ScriptedServerOptions,
  startScriptedServer,
  until,
} from '../../support/scripted-server.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function farEnd(options: ScriptedServerOptions = {}) {
  const server = await startScriptedServer(options);
  cleanups.push(() => server.stop());
  return { ...server, last: () => server.peers.at(-1) as Peer };
}

const report = { audio: { codec: 'opus' }, host: { name: 'box' }, version: '1.2.3' };

async function tunnelTo(
  target: TunnelTarget,
  tools: readonly Tool[] = [],
  permits = (_name: string) => true,
) {
  const parts = await mcpParts(tools);
  const statuses: TunnelStatus[] = [];
  const lines: string[] = [];
  const problems: string[] = [];
  const logger = recordingLogger(lines);
  const tunnel = createTunnel({
    name: 'home',
    target,
    clock: parts.clock,
    random: () => 0.5,
    logger,
    readAuthorities,
    openServer: (send) =>
      createTunnelServer({
        ...parts,
        access: { permits },
        channel: 'tunnel:home',
        report,
        replyWithinMs: 60_000,
        logger,
        send,
      }),
    onStatus: (status) => statuses.push(status),
    onProblem: ({ message }) => problems.push(message),
  });
  cleanups.push(() => tunnel.stop());
  tunnel.start();
  return {
    ...parts,
    tunnel,
    statuses,
    lines,
    problems,
    reach: (state: string) => until(() => tunnel.status().state === state),
  };
}

/** A tunnel that its far end has accepted and that has reported. */
async function accepted(tools: readonly Tool[] = [], permits?: (name: string) => boolean) {
  const server = await farEnd();
  const made = await tunnelTo({ url: server.url, token: 'bearer-secret-1' }, tools, permits);
  await until(() => server.peers.length === 1);
  server.last().send({ type: 'connected', userId: 'user-7' });
  await until(() => server.last().texts.length === 1);
  const said = (index: number) => JSON.parse(server.last().texts[index] ?? 'null');
  /** Sends something and waits for what comes next. */
  const ask = async (message: object) => {
    const before = server.last().texts.length;
    server.last().send(message);
    await until(() => server.last().texts.length > before);
    return said(before);
  };
  const call = (name: string, args?: unknown, id: unknown = 1) =>
    ask({ jsonrpc: '2.0', id, method: 'tool_call', params: { tool: name, args } });
  return { server, ...made, said, ask, call };
}

const echo = tool({
  name: 'echo',
  description: 'Says it again',
  run: ({ text }) => Promise.resolve({ kind: 'text', text: String(text) }),
});

describe('a tunnel', () => {
  it('shows its token, waits to be accepted, and reports all tools, the sound, the host and the version', async () => {
    const hidden = tool({ name: 'hidden' });
    const { server, said, tunnel } = await accepted([echo, hidden], (name) => name !== 'hidden');
    expect(server.last().headers.authorization).toBe('Bearer bearer-secret-1');
    expect(said(0)).toEqual({
      type: 'capability_report',
      tools: [
        { name: 'echo', description: 'Says it again', inputSchema: { type: 'object' }, audience: 'model' },
      ],
      ...report,
    });
    expect(tunnel.status()).toEqual({
      name: 'home',
      url: server.url,
      state: 'connected',
      calls: 0,
      userId: 'user-7',
    });
  });

  it('that nobody accepts within 10 s is given up and dialled again', async () => {
    const server = await farEnd();
    const { clock, reach, tunnel, lines, statuses } = await tunnelTo({ url: server.url, token: 'secret' });
    await until(() => server.peers.length === 1 && statuses.length > 1);
    expect(statuses.map(({ state }) => state)).not.toContain('connected');
    expect(lines.some((line) => line.startsWith('Connected'))).toBe(false);
    server.last().send({ type: 'approved_tools', tools: ['echo'] });
    server.last().send({ type: 'ping' });
    clock.advance(9999);
    expect(tunnel.status().state).toBe('connecting');
    clock.advance(1);
    await reach('waiting');
    expect(tunnel.status()).toMatchObject({
      lastClose: { code: 1006, reason: 'not accepted within 10 s' },
      nextAttemptInMs: 1000,
    });
    expect(server.last().texts).toEqual([]);
    clock.advance(1000);
    await until(() => server.peers.length === 2);
  });

  it('calls nothing before tools are approved, then exactly those, from the next call on', async () => {
    const other = tool({ name: 'other' });
    const { server, call, ask, tunnel, statuses } = await accepted([echo, other]);
    const unknown = { jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'Unknown tool: echo' } };
    expect(await call('echo')).toEqual(unknown);
    server.last().send({ type: 'approved_tools', tools: ['echo', 'not-there'] });
    expect(await call('echo', { text: 'hello' })).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { content: [{ type: 'text', text: 'hello' }], isError: false, output: 'hello' },
    });
    expect(await call('other', {}, 'x')).toMatchObject({ id: 'x', error: { code: -32601 } });
    expect(tunnel.status().approvedTools).toBe(2);
    expect(statuses.at(-1)?.approvedTools).toBe(2);
    server.last().send({ type: 'approved_tools', tools: [{ name: 'other' }] });
    expect(await call('echo')).toEqual(unknown);
    server.last().send({ type: 'approved_tools', tools: 'all' });
    expect(await call('other', null, 0)).toMatchObject({ id: 0, result: { isError: false } });
    server.last().send({ type: 'approved_tools', tools: [] });
    expect(
      await ask({ jsonrpc: '2.0', id: 2, method: 'tool_call', params: { tool: 'other' } }),
    ).toMatchObject({
      error: { code: -32601 },
    });
  });

  it('cannot be given what the user keeps from it', async () => {
    const { server, call } = await accepted([echo], () => false);
    server.last().send({ type: 'approved_tools', tools: ['echo'] });
    expect(await call('echo')).toMatchObject({ error: { message: 'Unknown tool: echo' } });
  });

  it('forgets what was approved when the connection is lost', async () => {
    const { server, call, clock, reach, said, tunnel } = await accepted([echo]);
    server.last().send({ type: 'approved_tools', tools: ['echo'] });
    expect(await call('echo')).toMatchObject({ result: {} });
    server.last().socket.close(1001);
    await reach('waiting');
    expect(tunnel.status().userId).toBeUndefined();
    clock.advance(1000);
    await until(() => server.peers.length === 2);
    server.last().send({ type: 'connected', userId: 7 });
    await until(() => server.last().texts.length === 1);
    expect(said(0)).toMatchObject({ type: 'capability_report' });
    expect(await call('echo')).toMatchObject({ error: { code: -32601 } });
  });

  it('cuts an answer at 50 000 characters and tells how long it was', async () => {
    const texts = { long: `${'x'.repeat(49_999)}😀y`, whole: 'z'.repeat(50_000) };
    const { server, call } = await accepted([
      echo,
      tool({
        name: 'json',
        run: () => Promise.resolve({ kind: 'json', value: { pad: 'p'.repeat(60_000) } }),
      }),
      tool({
        name: 'both',
        run: () =>
          Promise.resolve({
            kind: 'text',
            text: 'a cat',
            picture: { base64: 'AAAA', mimeType: 'image/png' },
          }),
      }),
      tool({
        name: 'image',
        run: () => Promise.resolve({ kind: 'image', base64: 'A'.repeat(60_000), mimeType: 'image/png' }),
      }),
    ]);
    server.last().send({ type: 'approved_tools', tools: ['echo', 'json', 'both', 'image'] });
    expect((await call('echo', { text: texts.long })).result).toEqual({
      content: [{ type: 'text', text: 'x'.repeat(49_999) }],
      isError: false,
      output: `${'x'.repeat(49_999)}…[49999 of 50002 characters]`,
      truncated: true,
      originalLength: 50_002,
    });
    expect((await call('echo', { text: texts.whole })).result).toEqual({
      content: [{ type: 'text', text: texts.whole }],
      isError: false,
      output: texts.whole,
    });
    expect((await call('json')).result).toMatchObject({ truncated: true, originalLength: 60_010 });
    expect((await call('both')).result.content.map(({ type }: { type: string }) => type)).toEqual([
      'text',
      'image',
    ]);
    expect((await call('image')).result.content[0].data).toHaveLength(60_000);
  });

  it('answers pings of both kinds, refuses unknown requests, and ignores the rest', async () => {
    const { ask, server } = await accepted();
    expect(await ask({ type: 'ping' })).toEqual({ type: 'pong' });
    expect(await ask({ jsonrpc: '2.0', id: 'p', method: 'ping' })).toEqual({
      jsonrpc: '2.0',
      id: 'p',
      result: {},
    });
    server.last().send({ type: 'surprise' });
    server.last().send({ jsonrpc: '2.0', id: 1, result: {} });
    expect(await ask({ jsonrpc: '2.0', method: 'tool_call', params: { tool: 'x' } })).toEqual({
      jsonrpc: '2.0',
      id: null,
      error: { code: -32601, message: 'Unknown tool: x' },
    });
    expect(await ask({ jsonrpc: '2.0', id: 2, method: 'tools/list' })).toEqual({
      jsonrpc: '2.0',
      id: 2,
      error: { code: -32601, message: 'Method not implemented: tools/list' },
    });
    for (const params of [
      undefined,
      null,
      [],
      { tool: 1 },
      { tool: 'x', args: [1] },
      { tool: 'x', args: 'y' },
    ])
      expect(await ask({ jsonrpc: '2.0', id: 3, method: 'tool_call', params })).toMatchObject({
        id: 3,
        error: { code: -32602 },
      });
  });

  it('tells a failure as a JSON-RPC error', async () => {
    const { server, call } = await accepted([
      tool({
        name: 'fails',
        run: () => Promise.reject(new ClientError(ErrorCode.toolFailed, 'The lamp does not answer.')),
      }),
    ]);
    server.last().send({ type: 'approved_tools', tools: ['fails'] });
    expect(await call('fails')).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32603, message: 'The lamp does not answer.' },
    });
  });

  it('reports again when tools have changed, once for many changes, and not when nothing has', async () => {
    const { server, tunnel, registry, clock, ask, said } = await accepted([echo]);
    registry.publish({ source: 'mounted', name: 'late', position: 0 }, [
      tool({ name: 'late', source: 'mounted' }),
    ]);
    const timers = clock.pendingTimers;
    for (let i = 0; i < 100; i++) tunnel.toolsChanged();
    expect(clock.pendingTimers - timers).toBe(1);
    clock.advance(1000);
    await until(() => server.last().texts.length === 2);
    expect(said(1).tools.map(({ name }: { name: string }) => name)).toEqual(['echo', 'late']);
    tunnel.toolsChanged();
    clock.advance(1000);
    expect(await ask({ type: 'ping' })).toEqual({ type: 'pong' });
  });

  it('takes a new address and token while it runs, closing the old connection first', async () => {
    const { server, tunnel, clock, reach } = await accepted();
    const next = await farEnd();
    tunnel.reconfigure({ url: next.url, token: 'bearer-secret-2' });
    await reach('waiting');
    await until(() => server.last().ended !== undefined);
    expect(server.last().ended).toEqual({ code: 1000, reason: '' });
    expect(next.peers).toHaveLength(0);
    await clock.advanceAsync(1000);
    await until(() => next.peers.length === 1);
    expect(next.last().headers.authorization).toBe('Bearer bearer-secret-2');
    expect(server.peers).toHaveLength(1);
  });

  it('that was refused tries the new token at once, and neither token is told to anybody', async () => {
    const closed = await farEnd({ refuse: 'HTTP/1.1 401 Unauthorized\r\n\r\n' });
    const { tunnel, clock, reach, lines, problems, statuses } = await tunnelTo({
      url: `${closed.url}?key=bearer-secret-0`,
      token: 'bearer-secret-1',
    });
    await reach('refused');
    expect(problems).toEqual([
      `The tunnel home at ${closed.url}?… refused this device. It said: HTTP 401. Copy its address and token again; the next attempt is in 5 minutes.`,
    ]);
    const open = await farEnd();
    tunnel.reconfigure({ url: open.url, token: 'bearer-secret-2' });
    await clock.advanceAsync(999);
    expect(tunnel.status().state).toBe('refused');
    await clock.advanceAsync(1);
    await until(() => open.peers.length === 1);
    open.last().socket.close(4000, 'bearer-secret-2 is old');
    await reach('waiting');
    expect(tunnel.status().lastClose).toEqual({ code: 4000, reason: '•••• is old' });
    expect([...lines, ...problems, JSON.stringify(statuses)].join('\n')).not.toContain('bearer-secret');
  });

  it('makes the result of a call mail when its connection is gone before the answer', async () => {
    let finish = () => {};
    const slow = tool({
      name: 'slow',
      run: () =>
        new Promise((resolve) => {
          finish = () => resolve({ kind: 'text', text: 'late result' });
        }),
    });
    const { server, tunnel, mail, reach } = await accepted([slow]);
    server.last().send({ type: 'approved_tools', tools: ['slow'] });
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tool_call', params: { tool: 'slow' } });
    await until(() => tunnel.status().calls === 1);
    server.last().socket.close(1001);
    await reach('waiting');
    finish();
    await until(() => mail.length === 1);
  });

  it('ends a call of a built-in tool with the connection it came over', async () => {
    let aborted = false;
    const builtin = tool({
      name: 'builtin',
      source: 'builtin',
      run: (_args, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(signal.reason);
          });
        }),
    });
    const { server, tunnel } = await accepted([builtin]);
    server.last().send({ type: 'approved_tools', tools: ['builtin'] });
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tool_call', params: { tool: 'builtin' } });
    await until(() => tunnel.status().calls === 1);
    server.last().socket.close(1001);
    await until(() => aborted);
  });
});
