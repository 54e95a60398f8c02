import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { chaosServerFile } from '../support/chaos-mcp-server.ts';
import {
  chaosMount,
  controlSocketOf,
  toolsNamed,
  untilMounted,
  untilOffered,
} from '../support/exchange-program.ts';
import { npmServer, startEverything } from '../support/mcp-servers.ts';
import { buildProgram, cleanUpPrograms, freshHome, type Program } from '../support/program.ts';
import { type Peer, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { announcementsOf, sentencesOf, shell, startToolProgram } from '../support/tool-program.ts';
import { startToolServer, type ToolServer, textOf } from '../support/tool-server.ts';

const endings: (() => Promise<void>)[] = [];
beforeAll(buildProgram);
afterAll(async () => {
  cleanUpPrograms();
  await Promise.all(endings.map((end) => end()));
});

function ending<Started extends { stop(): Promise<void> }>(started: Started): Started {
  endings.push(() => started.stop());
  return started;
}

/** An entry of `mcpServers` for a server from npm. */
function npmMount(...given: Parameters<typeof npmServer>): object {
  const { type: _, cwd: __, ...entry } = npmServer(...given) as { type: string; cwd: string };
  return entry;
}

/** A turn that the test keeps open is not taken for lost. */
const patient = ['--set', 'conversation.replyTimeoutMs=60000'];
const noBuiltins = { deny: ['self.*'] };
const call = (name: string, args: object = {}): string[] => ['--say', `call ${name} ${JSON.stringify(args)}`];
const custom = (name: string, module: string, fields: object = {}) => ({
  name,
  description: name,
  handler: { type: 'custom', config: { module } },
  ...fields,
});

/** A module that asks the device about itself until a tool is offered. */
const waitingModule = (home: string) => `
import { request } from 'node:http';
const ask = () => new Promise((resolve, reject) => {
  request({ socketPath: ${JSON.stringify(controlSocketOf(home))}, path: '/v1/tools' }, async (response) => {
    let text = '';
    for await (const chunk of response) text += chunk;
    resolve(JSON.parse(text).tools);
  }).on('error', reject).end();
});
export default async ({ tool }) => {
  while (!(await ask()).some(({ name }) => name === tool))
    await new Promise((resolve) => setTimeout(resolve, 50));
  return tool + ' is there';
};`;

/** The state the device was in when this event came. */
const stateAt = (program: Program, at = Number.POSITIVE_INFINITY): unknown =>
  program.eventsOf('state').findLast(({ t }) => t < at)?.to;

/** A chat server that is a test's; a text turn stays open until the test speaks. */
async function quietServer(): Promise<ToolServer> {
  return ending(await startToolServer({ onNotice: () => {} }));
}

const listed = async (server: ToolServer): Promise<unknown[]> =>
  ((await server.request('tools/list', {})).result?.tools ?? []).map(({ name }) => name);

const changed = 'notifications/tools/list_changed';
const addressOf = ({ port }: ScriptedServer): string => `ws://127.0.0.1:${port}/mcp/?token=c2VjcmV0`;

/** One request at the other end of a link, with its answer. */
async function asked(
  peer: Peer,
  request: { readonly id: unknown; readonly method: string; readonly params?: unknown },
): Promise<object> {
  peer.send({ jsonrpc: '2.0', ...request });
  for (;;) {
    const answer = peer.texts.map((text) => JSON.parse(text)).find(({ id }) => id === request.id);
    if (answer) return answer as object;
    await sleep(10);
  }
}

let lastListId = 1000;
async function listedAt(peer: Peer): Promise<string[]> {
  const answer = await asked(peer, { id: ++lastListId, method: 'tools/list', params: {} });
  return (answer as { result: { tools: { name: string }[] } }).result.tools.map(({ name }) => name);
}

describe.concurrent('tools of other people in a conversation', { timeout: 60_000 }, () => {
  it('with the embedded server are called: a mounted one, one of customMCP, and one whose result is told at Idle', async ({
    expect,
  }) => {
    const home = freshHome();
    writeFileSync(join(home, 'waiting.mjs'), waitingModule(home));
    writeFileSync(join(home, 'count.mjs'), "let n = 0; export default () => 'number ' + ++n;");
    const program = startToolProgram({
      home,
      customMCP: {
        tools: [custom('wait', 'waiting.mjs', { timeoutMs: 28_000 }), custom('count', 'count.mjs')],
      },
      sections: {
        mcpServers: { everything: npmMount('server-everything') },
        mcpServerConfig: {
          everything: {
            tools: { 'trigger-long-running-operation': { alias: 'long_job', mode: 'background' } },
          },
        },
      },
      args: [
        ...call('wait', { tool: 'long_job' }),
        ...call('long_job', { duration: 1, steps: 2 }),
        ...call('everything__echo', { message: 'hello' }),
        ...call('count'),
      ],
    });
    await program.until(() => announcementsOf(program).includes('spoken t1 detect'));
    await program.until(() => sentencesOf(program).length === 5);
    expect(sentencesOf(program)).toEqual([
      'long_job is there',
      'Started as task t1. I will tell you when it is done.',
      'Echo: hello',
      'number 1',
      'The task "long_job" has finished: Long running operation completed. Duration: 1 seconds, Steps: 2.',
    ]);
    expect(announcementsOf(program)).toEqual(['queued t1', 'sent t1 detect', 'spoken t1 detect']);
    const [sent] = program.eventsOf('announcement').filter(({ phase }) => phase === 'sent');
    expect(stateAt(program, sent?.t)).toBe('announcing');
    expect(program.eventsOf('error')).toEqual([]);
  });

  it('come from real servers over every transport', async ({ expect }) => {
    const home = freshHome();
    writeFileSync(join(home, 'note.txt'), 'milk');
    const [http, sse, server] = await Promise.all([
      startEverything('streamableHttp'),
      startEverything('sse'),
      quietServer(),
    ]);
    ending(http);
    ending(sse);
    const program = startToolProgram({
      home,
      mcp: noBuiltins,
      sections: {
        mcpServers: {
          files: npmMount('server-filesystem', [home]),
          memory: npmMount('server-memory', [], { MEMORY_FILE_PATH: join(home, 'memory.jsonl') }),
          everything: npmMount('server-everything'),
          web: { url: http.url },
          older: { url: sse.url },
        },
      },
      args: ['--server', server.url, '--say', 'hello', ...patient],
    });
    await server.until(() => server.notices.length === 1);
    const echoes = ['everything__echo', 'web__echo', 'older__echo'];
    await untilOffered(program, ['files__read_text_file', 'memory__read_graph', ...echoes]);
    const entity = { name: 'tea', entityType: 'drink', observations: ['hot'] };
    await server.call('memory__create_entities', { entities: [entity] });
    expect([
      textOf(await server.call('files__read_text_file', { path: join(home, 'note.txt') })),
      JSON.parse(textOf(await server.call('memory__read_graph')) ?? ''),
      textOf(await server.call('everything__echo', { message: 'one' })),
      textOf(await server.call('web__echo', { message: 'two' })),
      textOf(await server.call('older__echo', { message: 'three' })),
    ]).toEqual(['milk', { entities: [entity], relations: [] }, 'Echo: one', 'Echo: two', 'Echo: three']);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
  });

  it('are in the first list of the next start although their server hangs then', async ({ expect }) => {
    const home = freshHome();
    const server = await quietServer();
    const file = join(home, 'server.mjs');
    writeFileSync(file, `import ${JSON.stringify(chaosServerFile)};`);
    const given = {
      home,
      mcp: { ...noBuiltins, tools: [shell('own', 'echo mine')] },
      sections: { mcpServers: { changing: { command: process.execPath, args: [file, '{}'] } } },
      args: ['--server', server.url, '--say', 'hello', ...patient],
    };
    const first = startToolProgram(given);
    await untilMounted(first, ['changing']);
    first.child.kill('SIGTERM');
    await first.exited;
    const before = server.notices.length;
    writeFileSync(file, 'process.stdin.resume();');
    const second = startToolProgram(given);
    await server.until(() => server.notices.length > before);
    expect(await listed(server)).toEqual(['own', 'changing__echo', 'changing__sleep']);
    expect(textOf(await server.call('own'))).toBe('mine');
    second.child.kill('SIGTERM');
    expect(await second.exited).toBe(143);
  });

  it('that change are told at once, and brought to who does not read again when nobody talks', async ({
    expect,
  }) => {
    const [server, broker] = await Promise.all([quietServer(), startScriptedServer().then(ending)]);
    const home = freshHome();
    const late = shell('late', 'while [ ! -e go ]; do sleep 0.1; done; echo x', { mode: 'background' });
    const program = startToolProgram({
      home,
      mcp: { ...noBuiltins, tools: [late] },
      sections: {
        mcpServers: { changing: chaosMount({ tools: toolsNamed('add_tool') }) },
        mcpEndpoint: addressOf(broker),
      },
      args: ['--server', server.url, '--say', 'hello', ...patient],
    });
    await server.until(() => server.notices.length === 1 && broker.peers.length === 1);
    server.say({ type: 'tts', state: 'start' });
    const [peer] = broker.peers as [Peer];
    const known = ['late', 'changing__add_tool'];
    while ((await listed(server)).length < known.length) await sleep(50);
    expect([await listed(server), await listedAt(peer)]).toEqual([known, known]);
    await server.call('late');
    const told = [server.answers.length, peer.texts.length] as const;
    expect(textOf(await server.call('changing__add_tool', { name: 'newest' }))).toBe('added');
    const isChange = (message: object) => 'method' in message && message.method === changed;
    await server.until(
      () =>
        server.answers.slice(told[0]).some(isChange) &&
        peer.texts.slice(told[1]).some((text) => isChange(JSON.parse(text))),
    );
    // By now whoever honours the change has read again, so the connections would be closed if nobody talked.
    await sleep(3500);
    expect(stateAt(program)).toBe('speaking');
    expect([server.peers.length, server.peers[0]?.ended, broker.peers.length, peer.ended]).toEqual([
      1,
      undefined,
      1,
      undefined,
    ]);
    server.say({ type: 'tts', state: 'stop' });
    await server.until(() => server.peers[0]?.ended !== undefined && broker.peers.length === 2);
    expect(await listedAt(broker.peers[1] as Peer)).toEqual([...known, 'changing__newest']);
    expect(program.eventsOf('turn').map(({ phase }) => phase)).toEqual(['started', 'finished']);
    // The next conversation is begun by the device, which has something to tell.
    writeFileSync(join(home, 'go'), '');
    await server.until(() => server.peers.length === 2 && server.notices.length === 2);
    expect(await listed(server)).toEqual([...known, 'changing__newest']);
  });

  it('go on while access points of both dialects and a tunnel use the tools of the device', async ({
    expect,
  }) => {
    const [server, official, relay, office] = await Promise.all([
      quietServer(),
      startScriptedServer().then(ending),
      startScriptedServer().then(ending),
      startScriptedServer().then(ending),
    ]);
    const program = startToolProgram({
      mcp: { ...noBuiltins, tools: [shell('fails', 'echo No milk. >&2; exit 1')] },
      sections: {
        mcpServers: { other: chaosMount() },
        mcpEndpoint: [
          { url: addressOf(official), profile: 'official' },
          { name: 'home', url: addressOf(relay), deny: ['other__sleep'] },
        ],
        tunnels: [{ name: 'office', url: office.url, token: 'bearer-secret' }],
      },
      args: ['--server', server.url, '--say', 'hello', ...patient],
    });
    const all = [server, official, relay, office];
    await server.until(() => server.notices.length === 1 && all.every(({ peers }) => peers.length === 1));
    server.say({ type: 'tts', state: 'start' });
    await untilOffered(program, ['other__echo']);
    const [cloud, robots, tunnel] = [official, relay, office].map(({ peers }) => peers[0]) as [
      Peer,
      Peer,
      Peer,
    ];

    const initialize = {
      protocolVersion: '2024-11-05',
      capabilities: { sampling: {} },
      clientInfo: { name: 'b', version: '0' },
    };
    const ran = (text: string) => ({ result: { content: [{ type: 'text', text }], isError: false } });
    const failure = 'The tool fails failed: No milk (exit code 1).';
    expect(await asked(cloud, { id: 0, method: 'initialize', params: initialize })).toMatchObject({
      id: 0,
      result: { protocolVersion: '2024-11-05', capabilities: { tools: { listChanged: true } } },
    });
    expect(await listedAt(cloud)).toEqual(['fails', 'other__echo', 'other__sleep']);
    const echo = { name: 'other__echo', arguments: { text: 'cloud' }, serialNumber: null };
    expect(await asked(cloud, { id: 10, method: 'tools/call', params: echo })).toMatchObject(ran('cloud'));
    expect(await asked(cloud, { id: 11, method: 'tools/call', params: { name: 'fails' } })).toMatchObject({
      result: { content: [{ type: 'text', text: failure }], isError: true },
    });

    for (const id of ['robot-1:0', 'robot-2:0'])
      expect(await asked(robots, { id, method: 'initialize', params: initialize })).toMatchObject({ id });
    expect(await asked(robots, { id: 'r:1', method: 'tools/list', params: null })).toMatchObject({
      id: 'r:1',
      result: { tools: [{ name: 'fails' }, { name: 'other__echo' }] },
    });
    expect(await asked(robots, { id: 'r:2', method: 'tools/call', params: { name: 'fails' } })).toMatchObject(
      {
        id: 'r:2',
        error: { message: failure },
      },
    );
    expect(
      await asked(robots, { id: 'r:3', method: 'tools/call', params: { name: 'other__sleep' } }),
    ).toMatchObject({
      error: { code: -32601 },
    });

    expect(tunnel.headers.authorization).toBe('Bearer bearer-secret');
    tunnel.send({ type: 'connected', userId: 'u1' });
    await server.until(() => tunnel.texts.length === 1);
    const report = JSON.parse(tunnel.texts[0] ?? '') as { type: string; tools: { name: string }[] };
    expect([report.type, report.tools.map(({ name }) => name)]).toEqual([
      'capability_report',
      ['fails', 'other__echo', 'other__sleep'],
    ]);
    const toolCall = (id: number, tool: string) =>
      asked(tunnel, { id, method: 'tool_call', params: { tool, args: { text: 'office', ms: 1 } } });
    expect(await toolCall(1, 'other__echo')).toMatchObject({ error: { code: -32601 } });
    tunnel.send({ type: 'approved_tools', tools: ['other__echo'] });
    expect(await toolCall(2, 'other__echo')).toMatchObject(ran('office'));
    tunnel.send({ type: 'approved_tools', tools: ['other__sleep'] });
    expect(await toolCall(3, 'other__echo')).toMatchObject({ error: { code: -32601 } });
    expect(await toolCall(4, 'other__sleep')).toMatchObject(ran('slept 1'));

    expect(textOf(await server.call('other__echo', { text: 'and here' }))).toBe('and here');
    server.say({ type: 'tts', state: 'stop' });
    await program.until(() => program.eventsOf('turn').some(({ phase }) => phase === 'finished'));
    expect([server.peers.length, program.eventsOf('error')]).toEqual([1, []]);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
  });
});
