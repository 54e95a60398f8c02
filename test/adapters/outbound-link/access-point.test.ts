import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientError, ErrorCode } from '../../../src/core/errors.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { tool } from '../../support/mcp-parts.ts';
import {
  accessPointBench,
  answers,
  endpoint,
  startRawServer,
  textFrame,
  token,
  upgradeAnswer,
} from '../../support/outbound.ts';
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

/** Time goes by, and what is said meanwhile arrives: pings are answered. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 10_000) {
    await clock.advanceAsync(Math.min(10_000, left));
    await loopTurns();
    await loopTurns();
  }
}

async function broker(options: ScriptedServerOptions = {}) {
  const server = await startScriptedServer(options);
  cleanups.push(() => server.stop());
  return { ...server, last: () => server.peers.at(-1) as Peer };
}

async function bench(...args: Parameters<typeof accessPointBench>) {
  const made = await accessPointBench(...args);
  cleanups.push(() => made.point.stop());
  made.point.start();
  return made;
}

async function connected(
  port: number,
  ...rest: Parameters<typeof accessPointBench> extends [string, ...infer R] ? R : never
) {
  const made = await bench(endpoint(port), ...rest);
  await made.reach('connected');
  return made;
}

/** The pong that is on its way, the end of a connection: what needs no more than sockets that get their turn. */
async function loopTurns(): Promise<void> {
  for (let i = 0; i < 20; i++) await nextTurn();
}

const failing = tool({
  name: 'fails',
  run: () => Promise.reject(new ClientError(ErrorCode.toolFailed, 'The lamp does not answer.')),
});
const adder = tool({
  name: 'calculator',
  description: 'Adds',
  run: ({ a, b }) => Promise.resolve({ kind: 'text', text: String(Number(a) + Number(b)) }),
});

describe('the official broker', () => {
  it('sends its captured frames, id 0 and stray members included, and gets exactly these answers', async () => {
    const server = await broker();
    const { point } = await connected(server.port, [adder]);
    const peer = server.last();
    peer.send(
      '{"id":0,"jsonrpc":"2.0","method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{"sampling":{},"roots":{"listChanged":false}},"clientInfo":{"name":"xz-mcp-broker","version":"0.0.1"}}}',
    );
    peer.send('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    peer.send('{"id":1,"jsonrpc":"2.0","method":"tools/list","params":{}}');
    peer.send('{"id":2,"jsonrpc":"2.0","method":"ping","params":{}}');
    peer.send(
      '{"id":10,"jsonrpc":"2.0","method":"tools/call","params":{"name":"calculator","arguments":{"a":1,"b":2},"serialNumber":null}}',
    );
    const received = await answers(peer, 4);
    expect(received).toEqual(
      expect.arrayContaining([
        {
          jsonrpc: '2.0',
          id: 0,
          result: {
            protocolVersion: '2024-11-05',
            capabilities: { tools: { listChanged: true } },
            serverInfo: { name: 'speaker', version: '1.0.0' },
          },
        },
        {
          jsonrpc: '2.0',
          id: 1,
          result: { tools: [{ name: 'calculator', description: 'Adds', inputSchema: { type: 'object' } }] },
        },
        { jsonrpc: '2.0', id: 2, result: {} },
        { jsonrpc: '2.0', id: 10, result: { content: [{ type: 'text', text: '3' }], isError: false } },
      ]),
    );
    expect(received).toHaveLength(4);
    expect(point.status()).toEqual({
      name: '',
      url: `ws://127.0.0.1:${server.port}/mcp/?…`,
      state: 'connected',
      calls: 1,
      callMs: { p50: 0, p95: 0 },
      lastListAt: Date.UTC(2026, 0, 1),
      toolCount: 1,
    });
  });

  it('gets a failure as a result with isError, because it shows the model nothing else', async () => {
    const server = await broker();
    await connected(server.port, [failing]);
    server.last().send({ jsonrpc: '2.0', id: 3, method: 'tools/call', params: { name: 'fails' } });
    expect(await answers(server.last(), 1)).toEqual([
      {
        jsonrpc: '2.0',
        id: 3,
        result: { content: [{ type: 'text', text: 'The lamp does not answer.' }], isError: true },
      },
    ]);
  });

  it('gets all tools on one page', async () => {
    const server = await broker();
    const tools = Array.from({ length: 70 }, (_, i) => tool({ name: `t${i}`, description: 'd'.repeat(300) }));
    await connected(server.port, tools);
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    const [answer] = (await answers(server.last(), 1)) as [{ result: { tools: unknown[] } }];
    expect(Object.keys(answer.result)).toEqual(['tools']);
    expect(answer.result.tools).toHaveLength(70);
  });
});

describe('the self-hosted relay', () => {
  it('lets robots initialise again and again, interleaved, with ids of text that come back as they were', async () => {
    const server = await broker();
    await connected(server.port, [adder], { profile: 'self-hosted' });
    const id = (robot: string, n: number) => `6f1a7c1e-0000-4000-8000-00000000000${robot}_n_${n}`;
    const asked = [
      [
        id('a', 1),
        'initialize',
        { protocolVersion: '2024-11-05', capabilities: { roots: { listChanged: true } } },
      ],
      [id('b', 1), 'initialize', {}],
      [id('b', 2), 'tools/list', {}],
      [id('a', 2), 'tools/list', { cursor: '' }],
      [id('a', 1), 'tools/call', { name: 'calculator', arguments: { a: 1, b: 1 } }],
      [id('a', 1), 'initialize', {}],
      [id('b', 1), 'tools/call', { name: 'calculator', arguments: { a: 2, b: 2 } }],
    ] as const;
    for (const [requestId, method, params] of asked) {
      server.last().send({ jsonrpc: '2.0', id: requestId, method, params });
      server.last().send({ jsonrpc: '2.0', method: 'notifications/initialized', params: {} });
    }
    const received = (await answers(server.last(), asked.length)) as { id: string; result: unknown }[];
    expect(received.map((answer) => answer.id).sort()).toEqual(asked.map(([requestId]) => requestId).sort());
    expect(received.every((answer) => answer.result !== undefined)).toBe(true);
  });

  it('gets a failure as a JSON-RPC error, because it loses the text of a result with isError', async () => {
    const server = await broker();
    await connected(server.port, [failing], { profile: 'self-hosted' });
    server.last().send({ jsonrpc: '2.0', id: 'x_n_1', method: 'tools/call', params: { name: 'fails' } });
    expect(await answers(server.last(), 1)).toEqual([
      { jsonrpc: '2.0', id: 'x_n_1', error: { code: -32603, message: 'The lamp does not answer.' } },
    ]);
  });

  it('gives up a call after 30 s, so after 25 s it is told that the tool is still running', async () => {
    const server = await broker();
    const slow = tool({ name: 'slow', run: () => new Promise(() => {}) });
    const { clock, point } = await connected(server.port, [slow], { profile: 'self-hosted' });
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'slow' } });
    await until(() => point.status().calls === 1);
    await clock.advanceAsync(25_000);
    expect(await answers(server.last(), 1)).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        result: { content: [{ type: 'text', text: '{"status":"running","task_id":"t1"}' }], isError: false },
      },
    ]);
  });

  it('sends params: null from its console', async () => {
    const server = await broker();
    await connected(server.port, [], { profile: 'self-hosted' });
    server.last().send('{"jsonrpc":"2.0","id":2,"method":"tools/list","params":null}');
    expect(await answers(server.last(), 1)).toEqual([{ jsonrpc: '2.0', id: 2, result: { tools: [] } }]);
  });

  /** As the relay does it: the old connection's end takes the new one out of the books (mcp.md 2.3). */
  async function relay() {
    const book: { tool: Peer | undefined } = { tool: undefined };
    const server = await broker({
      onPeer: (peer) => {
        book.tool?.socket.close(1000, '新连接替换');
        book.tool = peer;
        peer.socket.on('close', () => {
          book.tool = undefined;
        });
      },
    });
    return { ...server, book };
  }

  it('replaces a connection and forgets the new one: we come back until it knows us', async () => {
    const server = await relay();
    const { clock, reach, state } = await connected(server.port, [], { profile: 'self-hosted' });
    const { WebSocket } = await import('ws');
    const rival = new WebSocket(endpoint(server.port));
    await reach('waiting');
    expect(server.peers[0]?.ended).toEqual({ code: 1000, reason: '新连接替换' });
    await until(() => server.book.tool === undefined);
    await clock.advanceAsync(1500);
    await reach('connected');
    rival.terminate();
    await until(() => server.book.tool === undefined);
    await clock.advanceAsync(5000);
    await reach('waiting');
    await clock.advanceAsync(1000);
    await reach('connected');
    expect(server.book.tool).toBe(server.last());
    server.last().send({ jsonrpc: '2.0', id: 'x', method: 'tools/call', params: { name: 'none' } });
    await answers(server.last(), 1);
    await pass(clock, 600_000);
    expect(state()).toBe('connected');
    expect(server.peers).toHaveLength(4);
  });

  it('is asked again now and then for ten minutes, each time later, when nothing is called after that', async () => {
    const server = await broker();
    const { clock, reach } = await connected(server.port, [], { profile: 'self-hosted' });
    server.last().socket.close(1000, '新连接替换');
    await reach('waiting');
    await clock.advanceAsync(1500);
    await reach('connected');
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await answers(server.last(), 1);
    for (const delayMs of [30_000, 60_000, 120_000, 240_000]) {
      const before = server.peers.length;
      await pass(clock, delayMs - 1_000);
      await loopTurns();
      expect(server.peers).toHaveLength(before);
      await clock.advanceAsync(1_000);
      await reach('waiting');
      await clock.advanceAsync(1_000);
      await reach('connected');
      expect(server.peers).toHaveLength(before + 1);
    }
    const after = server.peers.length;
    await pass(clock, 1_200_000);
    await loopTurns();
    expect(server.peers).toHaveLength(after);
  });

  it('that speaks after a loss has not forgotten us, so the connection stays', async () => {
    const server = await broker();
    const { clock, reach, state } = await connected(server.port, [], { profile: 'self-hosted' });
    server.last().connection.destroy();
    await reach('waiting');
    await clock.advanceAsync(1000);
    await reach('connected');
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'ping' });
    await answers(server.last(), 1);
    await clock.advanceAsync(10_000);
    await loopTurns();
    expect([state(), server.peers.length]).toEqual(['connected', 2]);
  });

  it('is not fought over for ever with somebody who has the same token', async () => {
    const server = await broker();
    const { clock, point, reach, problems } = await connected(server.port, [], { profile: 'self-hosted' });
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      server.last().socket.close(1000, '新连接替换');
      await reach('waiting');
      expect(problems()).toHaveLength(1);
      const { nextAttemptInMs = 0 } = point.status();
      waits.push(nextAttemptInMs);
      await clock.advanceAsync(nextAttemptInMs);
      await reach('connected');
    }
    expect(waits).toEqual([1500, 30_000, 60_000, 120_000, 240_000, 300_000]);
    expect(problems()).toEqual([
      'problem Another program uses the same access point; only one can. Stop the other, or give this device an address of its own.',
    ]);
  });
});

describe('what is no proper request', () => {
  it('is ignored when nobody waits for an answer, refused when somebody does, and the link stays', async () => {
    const server = await broker();
    const { point, lines } = await connected(server.port, [adder]);
    const peer = server.last();
    peer.socket.send(Buffer.from('{"jsonrpc":"2.0","id":9,"method":"ping"}'));
    for (const text of ['not json', '[]', 'null', '"text"', '[5]', '{"id":4}']) peer.send(text);
    peer.send({ jsonrpc: '2.0', method: 'notifications/whatever', params: null });
    peer.send({ jsonrpc: '2.0', id: 5, method: 'resources/list', stray: true });
    peer.send({ jsonrpc: '2.0', id: 6, method: 'ping', params: null });
    expect(await answers(peer, 3)).toEqual([
      { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'This is not JSON.' } },
      { jsonrpc: '2.0', id: 5, error: { code: -32601, message: 'Method not implemented: resources/list' } },
      { jsonrpc: '2.0', id: 6, result: {} },
    ]);
    expect(peer.ended).toBeUndefined();
    await point.stop();
    expect(lines).toContain('Access point stopped {"binary":1,"notJson":5,"connections":1}');
  });

  it('is answered one by one in a batch, with the digits of its numbers', async () => {
    const server = await broker();
    const echo = tool({ name: 'echo', run: (args) => Promise.resolve({ kind: 'json', value: args }) });
    const { point } = await connected(server.port, [echo]);
    const peer = server.last();
    const params = '{"name":"echo","arguments":{"id":725653563933458433}}';
    peer.send(
      `[{"jsonrpc":"2.0","id":1,"method":"ping"},5,{"jsonrpc":"2.0","id":2,"method":"tools/call","params":${params}}]`,
    );
    expect(await answers(peer, 2)).toMatchObject([
      { id: 1, result: {} },
      { id: 2, result: { content: [{ text: '{"id":725653563933458433}' }] } },
    ]);
    await point.stop();
  });

  it('ends the connection when it has 10 MB, and the next one works', async () => {
    const server = await broker();
    const { clock, reach, point } = await connected(server.port);
    server.last().send('x'.repeat(10_000_000));
    await reach('waiting');
    expect(point.status().lastClose).toEqual({ code: 1006, reason: 'Max payload size exceeded' });
    await clock.advanceAsync(1000);
    await reach('connected');
    server.last().send({ jsonrpc: '2.0', id: 6, method: 'ping' });
    expect(await answers(server.last(), 1)).toEqual([{ jsonrpc: '2.0', id: 6, result: {} }]);
  });
});

describe('coming back', () => {
  it('waits 1, 2, 4 … 30 s, and 1 s again after twenty healthy seconds or a call', async () => {
    const server = await broker();
    const { clock, reach, point } = await connected(server.port);
    const waits: (number | undefined)[] = [];
    const loseAfter = async (livedMs: number) => {
      await clock.advanceAsync(livedMs);
      server.last().socket.close(1011, 'bad luck');
      await reach('waiting');
      const { nextAttemptInMs = 0 } = point.status();
      waits.push(nextAttemptInMs);
      await clock.advanceAsync(nextAttemptInMs);
      await reach('connected');
    };
    for (let i = 0; i < 7; i++) await loseAfter(0);
    await loseAfter(19_999);
    await loseAfter(20_000);
    await loseAfter(0);
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'none' } });
    await answers(server.last(), 1);
    await loseAfter(0);
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 1000, 2000, 1000]);
    expect(point.status().lastClose).toEqual({ code: 1011, reason: 'bad luck' });
  });

  it.each([
    ['refuses', undefined, 'nothing is listening there'],
    ['answers with 404', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', 'it answers with HTTP 404'],
  ])('to an address that %s is told after three tries, once', async (_what, refuse, words) => {
    const server = await startScriptedServer(refuse === undefined ? {} : { refuse });
    if (refuse === undefined) await server.stop();
    else cleanups.push(() => server.stop());
    const { clock, point, reach, problems } = await bench(endpoint(server.port));
    for (let tries = 1; tries <= 5; tries++) {
      await reach('waiting');
      expect(problems()).toHaveLength(tries < 3 ? 0 : 1);
      await clock.advanceAsync(point.status().nextAttemptInMs ?? 0);
      await reach('connecting');
    }
    expect(problems()[0]).toContain(`cannot be reached: ${words}. Check its address`);
    expect(problems()[0]).not.toContain(token);
  });

  it.each([
    ['HTTP/1.1 511 Network Authentication Required\r\n\r\n', ''],
    ['HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><title>Wi-Fi</title>', ''],
    [
      'HTTP/1.1 302 Found\r\nLocation: http://login.cafe.example/start?back=1\r\n\r\n',
      ' and sends us to http://login.cafe.example/start',
    ],
  ])('that a network with a login page answers for (%j) is told of at once, once', async (refuse, target) => {
    const server = await broker({ refuse });
    const { clock, point, reach, problems } = await bench(endpoint(server.port));
    for (let tries = 1; tries <= 4; tries++) {
      await reach('waiting');
      expect(problems()).toHaveLength(1);
      await clock.advanceAsync(point.status().nextAttemptInMs ?? 0);
      await reach('connecting');
    }
    expect(problems()[0]).toContain(`something answers in its place${target} (HTTP status`);
    expect(problems()[0]).toContain('most likely this network asks you to log in');
    expect(problems()[0]).not.toContain(token);
  });

  it('to an end that is gone without a word takes less than a minute', async () => {
    const server = await broker();
    const { clock, reach } = await connected(server.port);
    server.last().connection.pause();
    await clock.advanceAsync(59_000);
    await reach('waiting');
  });

  it('whose network has changed shows within five seconds that it lives, or is dialled anew', async () => {
    const server = await broker();
    const { clock, point, reach } = await connected(server.port);
    point.checkLife();
    await loopTurns();
    await pass(clock, 5_000);
    expect(point.status().state).toBe('connected');
    server.last().connection.pause();
    await clock.advanceAsync(1_000);
    point.checkLife();
    await clock.advanceAsync(5_000);
    await reach('waiting');
    expect(point.status().lastClose?.reason).toContain('since the network changed');
  });

  it('that waits for its next try is tried at once where there is another network', async () => {
    const nobody = await startRawServer((connection) => connection.destroy());
    await nobody.stop();
    const { clock, point, reach } = await bench(endpoint(nobody.port));
    for (let tries = 0; tries < 4; tries++) {
      await reach('waiting');
      await clock.advanceAsync(point.status().nextAttemptInMs ?? 0);
      await reach('connecting');
    }
    await reach('waiting');
    expect(point.status().nextAttemptInMs).toBeGreaterThan(10_000);
    point.checkLife();
    await clock.advanceAsync(1_000);
    await reach('connecting');
  });

  it('spreads devices by a fifth in both directions', async () => {
    const nobody = await startRawServer((connection) => connection.destroy());
    await nobody.stop();
    const early = await bench(endpoint(nobody.port), [], { random: () => 0 });
    const late = await bench(endpoint(nobody.port), [], { random: () => 1 });
    await early.reach('waiting');
    await late.reach('waiting');
    expect(early.point.status()).toMatchObject({ nextAttemptInMs: 800, lastClose: { code: 1006 } });
    expect(late.point.status()).toMatchObject({ nextAttemptInMs: 1200 });
  });

  it.each([
    ['HTTP/1.1 401 Unauthorized\r\n\r\n', 300_000, 'refused', 'HTTP 401'],
    ['HTTP/1.1 403 Forbidden\r\n\r\n', 300_000, 'refused', 'HTTP 403'],
    ['HTTP/1.1 503 Busy\r\n\r\n', 1000, 'waiting', 'HTTP 503'],
    [`HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/?token=${token}\r\n\r\n`, 1000, 'waiting', 'HTTP 302'],
  ])('from %j waits %i ms and is %s', async (refuse, waitMs, wanted, reason) => {
    const server = await broker({ refuse });
    const { reach, point, problems } = await bench(endpoint(server.port));
    await reach(wanted);
    expect(point.status()).toMatchObject({ nextAttemptInMs: waitMs, lastClose: { code: 1006, reason } });
    expect(problems()).toEqual(
      wanted === 'refused'
        ? [
            `problem The access point at ws://127.0.0.1:${server.port}/mcp/?… refused this device. It said: ${reason}. Copy its address and token again; the next attempt is in 5 minutes.`,
          ]
        : [],
    );
  });

  it('takes 1008 for a refusal, tells it once, and 4004 for a trouble that passes', async () => {
    const server = await broker();
    const { clock, reach, point, problems } = await connected(server.port);
    server.last().socket.close(4004, 'Internal server error');
    await reach('waiting');
    expect(point.status()).toMatchObject({ nextAttemptInMs: 1000, lastClose: { code: 4004 } });
    await clock.advanceAsync(1000);
    for (let i = 0; i < 2; i++) {
      await reach('connected');
      server.last().socket.close(1008, `token解密失败 ${decodeURIComponent(token)}`);
      await reach('refused');
      expect(point.status()).toMatchObject({
        nextAttemptInMs: 300_000,
        lastClose: { code: 1008, reason: 'token解密失败 ••••' },
      });
      await clock.advanceAsync(300_000);
    }
    expect(problems()).toHaveLength(1);
  });

  it('gives up a server that accepts TCP and never upgrades after 10 s', async () => {
    const stalled = await startRawServer(() => {});
    cleanups.push(() => stalled.stop());
    const { clock, reach, point } = await bench(endpoint(stalled.port));
    await until(() => stalled.connections.length === 1);
    clock.advance(9999);
    expect(point.status().state).toBe('connecting');
    clock.advance(1);
    await reach('waiting');
    expect(point.status().lastClose).toEqual({ code: 1006, reason: 'no answer within 10 s' });
  });

  it('gives up a connection on which nothing comes for 40 s, also no pong', async () => {
    const silent = await startRawServer((connection, request) => connection.write(upgradeAnswer(request)));
    cleanups.push(() => silent.stop());
    const { clock, reach, point } = await connected(silent.port);
    clock.advance(39_999);
    expect(point.status().state).toBe('connected');
    clock.advance(1);
    await reach('waiting');
    expect(point.status().lastClose).toEqual({ code: 1006, reason: 'nothing heard for 40 s' });
  });

  it('pings every 20 s, and a pong is enough to stay', async () => {
    const server = await broker();
    const { clock, state } = await connected(server.port);
    let pings = 0;
    server.last().socket.on('ping', () => {
      pings += 1;
    });
    for (let i = 1; i <= 5; i++) {
      clock.advance(20_000);
      await until(() => pings === i);
      await loopTurns();
    }
    expect(state()).toBe('connected');
    expect(server.peers).toHaveLength(1);
  });

  it('survives an end at any byte of the upgrade and of the first messages', async () => {
    const messages = Buffer.concat([
      textFrame('{"id":0,"jsonrpc":"2.0","method":"initialize","params":{"capabilities":{}}}'),
      textFrame(`{"id":1,"jsonrpc":"2.0","method":"tools/list","params":{"pad":"${'是'.repeat(40)}"}}`),
      Buffer.from([0x88, 0x02, 0x03, 0xe8]),
    ]);
    const longest = 200 + messages.length;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: longest }), fc.boolean(), async (bytes, reset) => {
        let healthy = false;
        const cutting = await startRawServer((connection, request) => {
          if (healthy) {
            connection.write(upgradeAnswer(request));
            return;
          }
          const all = Buffer.concat([upgradeAnswer(request), messages]);
          connection.write(all.subarray(0, bytes), () =>
            reset ? connection.resetAndDestroy() : connection.end(),
          );
        });
        const { clock, reach, point } = await accessPointBench(endpoint(cutting.port));
        point.start();
        await reach('waiting');
        expect(point.status().nextAttemptInMs).toBe(1000);
        healthy = true;
        await clock.advanceAsync(1000);
        await reach('connected');
        const stopped = point.stop();
        await until(() => point.status().state === 'stopped' || clock.pendingTimers > 0);
        await clock.advanceAsync(2000);
        await stopped;
        await cutting.stop();
      }),
      {
        numRuns: 40,
        examples: [
          [0, false],
          [1, true],
          [longest, false],
        ],
      },
    );
  });

  it('leaves no timer and no listener behind when it is stopped', async () => {
    const server = await broker();
    const { clock, point, idle, state, tasks } = await connected(server.port);
    const [timers, listeners] = [clock.pendingTimers, idle.listeners];
    await point.stop();
    await tasks.stop();
    expect([timers > 0, listeners, clock.pendingTimers, idle.listeners, state()]).toEqual([
      true,
      1,
      0,
      0,
      'stopped',
    ]);
    await until(() => server.last().ended !== undefined);
    expect(server.last().ended).toEqual({ code: 1000, reason: '' });
  });
});

describe('tools that change', () => {
  const group = { source: 'mounted', name: 'late', position: 0 } as const;
  const late = tool({ name: 'late', source: 'mounted' });

  async function listed(server: Awaited<ReturnType<typeof broker>>) {
    const before = server.last().texts.length;
    server.last().send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
    await until(() => server.last().texts.length > before);
  }

  it('are told, and met anew once when the broker does not read them again', async () => {
    const server = await broker();
    const { clock, point, registry, reach } = await connected(server.port);
    await listed(server);
    registry.publish(group, [late]);
    for (let i = 0; i < 100; i++) point.toolsChanged();
    await clock.advanceAsync(1000);
    await until(() => server.peers[0]?.texts.length === 2);
    expect(server.peers[0]?.texts[1]).toBe('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}');
    await clock.advanceAsync(3000);
    await reach('waiting');
    expect(server.peers[0]?.ended).toEqual({ code: 1000, reason: '' });
    await clock.advanceAsync(1000);
    await reach('connected');
    await listed(server);
    expect(server.last().texts[0]).toContain('"name":"late"');
    await pass(clock, 80_000);
    expect(server.peers).toHaveLength(2);
    server.last().socket.close(1008);
    await reach('refused');
  });

  it('need no new connection when the broker reads them again', async () => {
    const server = await broker();
    const { clock, point, registry } = await connected(server.port);
    await listed(server);
    registry.publish(group, [late]);
    point.toolsChanged();
    await clock.advanceAsync(1000);
    await listed(server);
    await pass(clock, 60_000);
    expect([point.status().state, point.status().toolCount]).toEqual(['connected', 1]);
  });

  it('wait for the end of the conversation', async () => {
    const server = await broker();
    const { clock, point, registry, idle, reach, state } = await connected(server.port);
    await listed(server);
    registry.publish(group, [late]);
    idle.set(false);
    point.toolsChanged();
    await clock.advanceAsync(20_000);
    await loopTurns();
    expect(state()).toBe('connected');
    idle.set(true);
    await reach('waiting');
  });

  it('wait for the answers of calls', async () => {
    const server = await broker();
    let finish = () => {};
    const running = tool({
      name: 'running',
      run: () =>
        new Promise((resolve) => {
          finish = () => resolve({ kind: 'text', text: 'ok' });
        }),
    });
    const { clock, point, registry, reach, state } = await connected(server.port, [running]);
    await listed(server);
    server.last().send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'running' } });
    await until(() => point.status().calls === 1);
    registry.publish(group, [late]);
    point.toolsChanged();
    await clock.advanceAsync(20_000);
    await loopTurns();
    expect(state()).toBe('connected');
    finish();
    await until(() => server.last().texts.length === 3);
    await clock.advanceAsync(1000);
    await reach('waiting');
    expect(server.peers[0]?.texts.at(-1)).toContain('"ok"');
  });

  it('without end are brought once a minute', async () => {
    const server = await broker();
    const { clock, point, registry } = await connected(server.port);
    for (let second = 0; second < 130; second++) {
      const peer = server.last();
      if (point.status().state === 'connected' && !peer.texts.length) await listed(server);
      registry.publish(group, [tool({ name: `late${second}`, source: 'mounted' })]);
      point.toolsChanged();
      await clock.advanceAsync(1000);
      await loopTurns();
    }
    expect(server.peers).toHaveLength(4);
  });
});

it('a call of a built-in tool ends with the connection it came over', async () => {
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
  const server = await broker();
  const { point } = await connected(server.port, [builtin]);
  server.last().send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'builtin' } });
  await until(() => point.status().calls === 1);
  server.last().connection.destroy();
  await until(() => aborted);
});

it('the token stands in no log line, status or problem', async () => {
  const secret = decodeURIComponent(token);
  const server = await broker();
  const { clock, lines, reach, point } = await connected(server.port, [failing]);
  const url = endpoint(server.port);
  for (const said of [secret, token, url.slice(0, 100), encodeURIComponent(secret)]) {
    server.last().socket.close(4004, said);
    await reach('waiting');
    await clock.advanceAsync(point.status().nextAttemptInMs ?? 0);
    await reach('connected');
  }
  server.last().socket.close(1008, secret);
  await reach('refused');
  const all = lines.join('\n');
  expect(all).toContain('/mcp/?…');
  expect([all.includes(token), all.includes(secret), all.includes('c2VjcmV0')]).toEqual([
    false,
    false,
    false,
  ]);
});
