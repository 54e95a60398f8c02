import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type ChaosOptions, journalOf, pidsOf } from '../support/chaos-mcp-server.ts';
import {
  chaosMount,
  childrenOf,
  controlSocketOf,
  processesAt,
  toolsNamed,
  untilMounted,
  untilOffered,
} from '../support/exchange-program.ts';
import { buildProgram, cleanUpPrograms, freshHome, type Program } from '../support/program.ts';
import { ended, pidsIn, shell, startToolProgram } from '../support/tool-program.ts';
import { type RpcAnswer, startToolServer, type ToolServer, textOf } from '../support/tool-server.ts';

const servers: ToolServer[] = [];
beforeAll(buildProgram);
afterAll(async () => {
  cleanUpPrograms();
  await Promise.all(servers.map((server) => server.stop()));
});

/** A chat server that only the test speaks for. */
async function quietServer(): Promise<ToolServer> {
  const server = await startToolServer({ onNotice: () => {} });
  servers.push(server);
  return server;
}

/** A turn that the test keeps open is not taken for lost. */
const patient = ['--set', 'conversation.replyTimeoutMs=60000'];
const background = { mode: 'background' };
const loop = (module: string) => ({
  name: 'loop',
  description: 'loop',
  ...background,
  handler: { type: 'custom', config: { module } },
});

/** Never ends, and has a child in a session of its own. */
const loopingModule = `
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
export default () => {
  const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
  appendFileSync('loop.pids', process.pid + '\\n' + child.pid + '\\n');
  for (;;);
};`;

const answerOf = (answer: RpcAnswer): string | undefined => textOf(answer) ?? answer.error?.message;

describe.concurrent('servers of other people that misbehave', { timeout: 60_000 }, () => {
  it('all at once neither disturb a conversation nor each other', async ({ expect }) => {
    const server = await quietServer();
    const home = freshHome();
    const journal = join(home, 'storm');
    const program = startToolProgram({
      home,
      mcp: { deny: ['self.*'] },
      sections: {
        mcpServers: {
          floods: chaosMount({ floodStderr: true }),
          prints: chaosMount({
            greeting: ['Listening on port 3000 …', '{"jsonrpc":', '[]', '\u0000\u001b[31m'],
          }),
          storms: chaosMount({ stormPerSecond: 100, changes: true, journal }),
          late: chaosMount(),
          dies: chaosMount({ tools: toolsNamed('die', 'echo') }),
          forks: chaosMount({ fork: 'hidden', tools: toolsNamed('fork', 'echo') }),
          hangs: chaosMount({ initialize: 'hang' }),
          refuses: chaosMount({ initialize: 'refuse' }),
        },
        mcpServerConfig: { late: { timeoutMs: 300 } },
      },
      args: ['--server', server.url, '--say', 'hello', ...patient],
    });
    await server.until(() => server.notices.length === 1);
    server.say({ type: 'tts', state: 'start' });
    const working = ['floods', 'prints', 'storms', 'late', 'dies', 'forks'];
    await untilOffered(
      program,
      working.map((name) => `${name}__echo`),
    );
    const call = async (name: string, args: object) => answerOf(await server.call(name, args));
    const [before, startMs] = [
      journalOf(journal).filter((line) => line === 'list').length,
      performance.now(),
    ];
    expect(await call('late__sleep', { ms: 900 })).toContain('did not finish within 0.3 s');
    expect(await call('dies__die', { lastWords: 'out of memory' })).toContain('out of memory');
    expect(Number(await call('forks__fork', {}))).toBeGreaterThan(1);
    // By now the answer that nobody waits for has come.
    await sleep(1000);
    const echoes = await Promise.all(working.map((name) => call(`${name}__echo`, { text: name })));
    expect(echoes).toEqual(working);
    const lists = journalOf(journal).filter((line) => line === 'list').length - before;
    expect(lists).toBeLessThanOrEqual(2 + (performance.now() - startMs) / 1000);
    server.say({ type: 'tts', state: 'stop' });
    await program.until(() => program.eventsOf('turn').some(({ phase }) => phase === 'finished'));
    expect([server.peers.length, program.eventsOf('error')]).toEqual([1, []]);
    const all = [...processesAt(home), ...childrenOf(program)];
    expect(all.length).toBeGreaterThan(9);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
    await ended(all);
    expect(processesAt(home)).toEqual([]);
  });

  it('leave no process behind when the device is killed with -9, nor do tools', async ({ expect }) => {
    const server = await quietServer();
    const home = freshHome();
    writeFileSync(join(home, 'loop.mjs'), loopingModule);
    const journals = ['group', 'hidden', 'stubborn'].map((name) => join(home, name));
    const mount = (at: number, options: ChaosOptions) =>
      chaosMount({ journal: journals[at] ?? '', ...options });
    const program = startToolProgram({
      home,
      mcp: {
        tools: [
          shell(
            'nap',
            'setsid sleep 300 & echo $! >> nap.pids; echo $$ >> nap.pids; wait; sleep 300',
            background,
          ),
        ],
      },
      customMCP: { tools: [loop('loop.mjs')] },
      sections: {
        mcpServers: {
          group: mount(0, { fork: 'group' }),
          hidden: mount(1, { fork: 'hidden' }),
          stubborn: mount(2, { ignoreTerm: true, floodStderr: true }),
        },
      },
      args: ['--server', server.url, '--say', 'hello', ...patient],
    });
    await server.until(() => server.notices.length === 1);
    await untilMounted(program, ['group', 'hidden', 'stubborn']);
    await server.call('nap');
    await server.call('loop');
    const pids = [
      ...(await pidsIn(join(home, 'nap.pids'), 2)),
      ...(await pidsIn(join(home, 'loop.pids'), 2)),
      ...journals.flatMap(pidsOf),
    ];
    expect(pids).toHaveLength(9);
    const all = [...processesAt(home), ...childrenOf(program)];
    expect(all).toEqual(expect.arrayContaining(pids));
    program.child.kill('SIGKILL');
    await ended(all);
    expect(processesAt(home)).toEqual([]);
  });

  const endings: readonly (readonly [string, (program: Program) => void, number | string])[] = [
    ['Ctrl-C', ({ child }) => child.kill('SIGINT'), 130],
    ['SIGTERM', ({ child }) => child.kill('SIGTERM'), 143],
    [
      'Ctrl-C twice',
      async ({ child }) => {
        child.kill('SIGINT');
        await sleep(100);
        child.kill('SIGINT');
      },
      130,
    ],
  ];
  for (const [name, end, code] of endings)
    it(`are ended while they start when the device gets ${name}`, async ({ expect }) => {
      const home = freshHome();
      const journals = ['hangs', 'lists', 'stubborn'].map((file) => join(home, file));
      const mount = (at: number, options: ChaosOptions) =>
        chaosMount({ journal: journals[at] ?? '', ...options });
      const program = startToolProgram({
        home,
        sections: {
          mcpServers: {
            hangs: mount(0, { initialize: 'hang', fork: 'hidden' }),
            lists: mount(1, { list: 'hang', fork: 'group' }),
            stubborn: mount(2, { initialize: 'hang', ignoreTerm: true }),
          },
        },
      });
      await program.until(() => journals.flatMap(pidsOf).length === 5);
      const all = [...processesAt(home), ...childrenOf(program)];
      end(program);
      expect(await program.exited).toBe(code);
      await ended(all);
      expect([processesAt(home), existsSync(controlSocketOf(home))]).toEqual([[], false]);
    });

  it('are ended with a device whose turns are done', async ({ expect }) => {
    const home = freshHome();
    const journal = join(home, 'journal');
    const program = startToolProgram({
      home,
      sections: { mcpServers: { hidden: chaosMount({ journal, fork: 'hidden', initialize: 'hang' }) } },
      args: ['--say', 'hello', '--say', 'and hello', '--turns', '2'],
    });
    await program.until(() => pidsOf(journal).length === 2);
    const all = [...processesAt(home), ...childrenOf(program)];
    expect(await program.exited).toBe(0);
    await ended(all);
    expect(processesAt(home)).toEqual([]);
  });
});
