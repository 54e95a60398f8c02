import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { buildProgram, cleanUpPrograms, fixture, freshHome } from '../support/program.ts';
import {
  announcementsOf,
  configOf,
  ended,
  phasesOf,
  pidsIn,
  shell,
  startToolProgram,
} from '../support/tool-program.ts';
import { startToolServer, type ToolServer, type ToolServerOptions, textOf } from '../support/tool-server.ts';

let odd: Server;
let oddUrl: string;
const servers: ToolServer[] = [];

beforeAll(async () => {
  await buildProgram();
  odd = createServer((request, response) => {
    if (request.url === '/closes') request.socket.destroy();
    else if (request.url === '/redirects') response.writeHead(302, { location: '/elsewhere' }).end();
    else if (request.url === '/half') response.writeHead(200, { 'content-length': '100' }).write('half');
    else if (request.url === '/missing') response.writeHead(404).end('no such page');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => odd.once('listening', resolve));
  oddUrl = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
});
afterAll(async () => {
  cleanUpPrograms();
  odd.closeAllConnections();
  odd.close();
  await Promise.all(servers.map((server) => server.stop()));
});

async function listen(options?: ToolServerOptions): Promise<ToolServer> {
  const server = await startToolServer(options);
  servers.push(server);
  return server;
}

const background = { mode: 'background' };
const talking = ['--mic', `wav:${fixture('speech-two-turns.wav')}`, '--mode', 'realtime', '--start'];
const listed = async (server: ToolServer): Promise<unknown[]> =>
  ((await server.request('tools/list', {})).result?.tools ?? []).map(({ name }) => name);
const noBuiltins = { deny: ['self.*'] };

describe.concurrent('over the wire of a server', { timeout: 60_000 }, () => {
  it('every call that cannot work is answered with a sentence and an event, and the conversation goes on', async ({
    expect,
  }) => {
    const server = await listen();
    const home = freshHome();
    mkdirSync(join(home, 'empty'));
    const within = { timeout_ms: 700 };
    const number = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const leaves = (line: string) => `echo $$ >> ${home}/pids; ${line}`;
    const program = startToolProgram({
      home,
      mcp: {
        tools: [
          shell('counts', 'cat', { input_schema: number }),
          shell('binary', 'head -c 100 /dev/zero'),
          shell('floods', 'yes'),
          shell('hangs', leaves('sleep 300'), within),
          shell('ignores_term', leaves('trap "" TERM; while :; do sleep 1; done'), within),
          shell('forks', leaves('setsid sleep 300 & sleep 300 & echo $! >> pids; wait'), {
            ...within,
            cwd: home,
          }),
          shell('says_no', 'echo No milk. >&2; exit 1'),
          { ...shell('absent', 'x'), executable: '/no/such/program' },
          shell('denied', 'cat'),
          ...['hangs', 'closes', 'redirects', 'half', 'missing'].map((path) => ({
            name: `http_${path}`,
            description: path,
            type: 'http',
            method: 'GET',
            url: `${oddUrl}/${path}`,
            ...within,
          })),
          { name: 'nobody', description: 'x', type: 'tcp', address: '127.0.0.1:1' },
          { name: 'no_socket', description: 'x', type: 'unix', path: join(home, 'empty/none.sock') },
          { name: 'no_web_socket', description: 'x', type: 'websocket', url: 'ws://127.0.0.1:1/', ...within },
        ],
        deny: ['denied'],
      },
      args: ['--server', server.url, ...talking],
    });
    await server.until(() => server.frames > 5);
    const deep = JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`) as object;
    const refused: readonly (readonly [string, unknown, number, RegExp])[] = [
      ['nothing_like_it', {}, -32601, /^Unknown tool: nothing_like_it$/],
      ['denied', {}, -32601, /^Unknown tool: denied$/],
      ['counts', {}, -32602, /\bn\b/],
      ['counts', { n: 'x' }, -32602, /\bn\b/],
      ['counts', null, -32602, /\bn\b/],
      ['counts', [1], -32602, /arguments/i],
      ['counts', { n: { n: deep } }, -32602, /./],
      ['binary', {}, -32603, /printed binary data/],
      ['floods', {}, -32603, /larger than/],
      ['hangs', {}, -32603, /^hangs did not finish within 0\.7 seconds/],
      ['ignores_term', {}, -32603, /^ignores_term did not finish within 0\.7 seconds/],
      ['forks', {}, -32603, /^forks did not finish within 0\.7 seconds/],
      ['says_no', {}, -32603, /^The tool says_no failed: No milk \(exit code 1\)\.$/],
      ['absent', {}, -32603, /program \/no\/such\/program was not found/],
      ['http_hangs', {}, -32603, /^http_hangs did not finish/],
      ['http_closes', {}, -32603, /closed the connection|socket hang up/],
      ['http_redirects', {}, -32603, /redirects to http:.*\/elsewhere/],
      ['http_half', {}, -32603, /./],
      ['http_missing', {}, -32603, /HTTP status 404/],
      ['nobody', {}, -32603, /nothing is listening/],
      ['no_socket', {}, -32603, /no such socket/],
      ['no_web_socket', {}, -32603, /./],
    ];
    const answers = await Promise.all(refused.map(([name, args]) => server.call(name, args)));
    expect(answers.map(({ error }) => [error?.code, error?.message])).toEqual(
      refused.map(([, , code, message]) => [code, expect.stringMatching(message)]),
    );
    // Every answer fits a sentence and has nothing of our inside in it.
    for (const { error } of answers) expect(error?.message).toMatch(/^(?!.*(node:|\bat \/|Error:)).{3,210}$/);
    const failures = program.eventsOf('tool').filter(({ phase }) => phase === 'failed');
    expect(failures.length).toBe(refused.length - 1);
    await ended(await pidsIn(join(home, 'pids'), 4));

    for (const id of [0, 'text-7', 7.9, -1])
      expect(
        (await server.request('tools/call', { name: 'counts', arguments: { n: 1 } }, id === 7.9 ? 7 : id)).id,
      ).toBe(id === 7.9 ? 7 : id);
    const before = server.answers.length;
    const twice = {
      jsonrpc: '2.0',
      id: 900,
      method: 'tools/call',
      params: { name: 'counts', arguments: { n: 2 } },
    };
    server.say({ type: 'mcp', payload: twice });
    server.say({ type: 'mcp', payload: twice });
    await server.until(() => server.answers.length > before);
    expect(server.answers.slice(before).map((answer) => [answer.id, textOf(answer)])).toEqual([
      [900, '{"n":2}'],
    ]);

    const framesBefore = server.frames;
    server.speak();
    await server.until(() => server.frames > framesBefore + 20);
    await program.until(() => program.eventsOf('state').some(({ to }) => to === 'speaking'));
    expect(program.eventsOf('error')).toEqual([]);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
  });

  it('names that are the same to a server are told at the start, and those of the device cannot be taken', async ({
    expect,
  }) => {
    const same = startToolProgram({ mcp: { tools: [shell('a.b', 'cat'), shell('a_b', 'cat')] } });
    await same.until(() => same.stderr.includes('\\"a_b\\" and \\"a.b\\" are the same name to a server'));
    same.child.kill('SIGTERM');
    await same.exited;
    const server = await listen();
    const program = startToolProgram({
      mcp: { tools: [shell('self_reboot', 'cat')], allow: ['self_reboot', 'self.timer.list'] },
      args: ['--server', server.url, '--say', 'hello'],
    });
    await server.until(() => server.notices.length === 1);
    expect(await listed(server)).toEqual(['self.timer.list']);
    program.child.kill('SIGTERM');
    await program.exited;
    expect(program.stderr).toMatch(/"name":"self_reboot"/);
  });

  it('a call that the server takes back is stopped with its children', async ({ expect }) => {
    const server = await listen();
    const home = freshHome();
    const program = startToolProgram({
      home,
      mcp: { tools: [shell('nap', `echo $$ >> ${home}/pids; sleep 300`)] },
      args: ['--server', server.url, '--say', 'hello'],
    });
    await server.until(() => server.notices.length === 1);
    server.say({
      type: 'mcp',
      payload: { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'nap' } },
    });
    const pids = await pidsIn(join(home, 'pids'), 1);
    const params = { requestId: 5 };
    server.say({ type: 'mcp', payload: { jsonrpc: '2.0', method: 'notifications/cancelled', params } });
    await ended(pids);
    await program.until(() => phasesOf(program, 'nap').length === 2);
    expect([phasesOf(program, 'nap'), server.answers.some(({ id }) => id === 5)]).toEqual([
      ['called', 'cancelled'],
      false,
    ]);
  });

  it('tools follow the file while the device runs; a call that runs finishes as it began', async ({
    expect,
  }) => {
    const server = await listen();
    const home = freshHome();
    const old = { tools: [shell('old', 'sleep 1; echo as it was')], ...noBuiltins };
    const program = startToolProgram({ home, mcp: old, args: ['--server', server.url, '--say', 'hello'] });
    await server.until(() => server.notices.length === 1);
    expect(await listed(server)).toEqual(['old']);
    const call = server.call('old');
    await program.until(() => phasesOf(program, 'old').length === 1);
    const next = { tools: [shell('new', 'echo new'), shell('hidden', 'cat')], deny: ['self.*', 'hidden'] };
    writeFileSync(configOf(home), JSON.stringify({ mcp: next }));
    while (!(await listed(server)).includes('new')) await sleep(20);
    expect(await listed(server)).toEqual(['new']);
    expect((await server.call('old')).error?.message).toBe('Unknown tool: old');
    expect([textOf(await call), textOf(await server.call('new'))]).toEqual(['as it was', 'new']);
    writeFileSync(configOf(home), '{"mcp": {"tools": 7}}');
    await program.until(() => program.eventsOf('error').some(({ code }) => code === 'CONFIG_INVALID'));
    expect(textOf(await server.call('new'))).toBe('new');
  });

  it('a result is told over a new channel when the old one is gone, and an answer that found nobody as well', async ({
    expect,
  }) => {
    const server = await listen();
    const program = startToolProgram({
      mcp: {
        tools: [shell('tea', 'sleep 0.8; echo Tea.', background), shell('look', 'sleep 0.4; echo Seen.')],
      },
      args: ['--server', server.url, '--say', 'hello'],
    });
    await server.until(() => server.notices.length === 1);
    expect(textOf(await server.call('tea'))).toBe('{"status":"started","task_id":"t1"}');
    void server.call('look').catch(() => {});
    await program.until(() => phasesOf(program, 'look').length === 1);
    server.peers[0]?.socket.close(1000);
    const spoken = () => announcementsOf(program).filter((line) => line.startsWith('spoken')).length;
    await program.until(() => spoken() === 2);
    expect(server.peers.length).toBe(2);
    expect(server.notices.slice(1).join(' ')).toMatch(
      /"look" has finished: Seen\..*"tea" has finished: Tea\./,
    );
  });

  it('a server that ignores notices is given up on: the device tells it alone', async ({ expect }) => {
    const server = await listen({ onNotice: (text) => text === 'hello' && server.speak() });
    const program = startToolProgram({
      mcp: { tools: [shell('tea', 'echo Tea.', background)] },
      announcements: { strategies: ['detect', 'local'], triesPerStrategy: 1, firstRetryMs: 100 },
      args: ['--server', server.url, '--say', 'hello', '--set', 'conversation.replyTimeoutMs=1000'],
    });
    await server.until(() => server.notices.length === 1);
    await server.call('tea');
    await program.until(() => announcementsOf(program).includes('spoken t1 local'));
    expect(announcementsOf(program)).toEqual([
      'queued t1',
      'sent t1 detect',
      'failed t1 detect',
      'sent t1 local',
      'spoken t1 local',
    ]);
    const heard = () => program.eventsOf('playback').map(({ phase }) => phase);
    await program.until(() => heard().at(-1) === 'drained');
    expect(heard().slice(-2)).toEqual(['started', 'drained']);
  });

  it('a server that refuses long texts gets a cue, and its model reads the result', async ({ expect }) => {
    const readings: (string | undefined)[] = [];
    const server = await listen({
      onNotice: async (text) => {
        const [, id] = /Read (t\d+) /.exec(text) ?? [];
        if (id) {
          readings.push(textOf(await server.call('self.tasks.read', { task_id: id })));
          server.speak();
        } else if (text.length > 60)
          server.say({ type: 'alert', status: 'error', message: 'too long', emotion: 'sad' });
        else server.speak();
      },
    });
    const program = startToolProgram({
      mcp: { tools: [shell('tea', 'echo Tea.', background)] },
      announcements: { firstRetryMs: 100 },
      args: ['--server', server.url, '--say', 'hello'],
    });
    await server.until(() => server.notices.length === 1);
    await server.call('tea');
    await server.until(() => readings.length === 1);
    expect(readings).toEqual(['{"task_id":"t1","state":"done","text":"Tea."}']);
    await program.until(() => program.eventsOf('tts').filter(({ state }) => state === 'start').length === 2);
    expect(announcementsOf(program).slice(0, 4)).toEqual([
      'queued t1',
      'sent t1 detect',
      'failed t1 detect',
      'sent t1 detect-cue',
    ]);
  });

  it('strategies text and notification reach the server as what they are', async ({ expect }) => {
    for (const strategy of ['text', 'notification'] as const) {
      const server = await listen();
      const program = startToolProgram({
        mcp: { tools: [shell('tea', 'echo Tea.', background)] },
        announcements: { strategies: [strategy] },
        args: ['--server', server.url, '--say', 'hello'],
      });
      await server.until(() => server.notices.length === 1);
      await server.call('tea');
      await program.until(() => announcementsOf(program).includes(`sent t1 ${strategy}`));
      const notices = () => server.peers[0]?.texts.filter((text) => text.includes('has finished')) ?? [];
      await server.until(() => notices().length === 1);
      const message = JSON.parse(notices()[0] ?? '') as { type: string; payload?: { method: string } };
      expect([message.type, message.payload?.method]).toEqual(
        strategy === 'text' ? ['text', undefined] : ['mcp', 'notifications/message'],
      );
      server.speak();
      await program.until(() => announcementsOf(program).includes(`spoken t1 ${strategy}`));
    }
  });
});
