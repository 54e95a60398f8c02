import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { readTaskJournal } from '../../src/adapters/storage/task-journal.ts';
import { foldJournal } from '../../src/mcp/task-record.ts';
import { buildProgram, cleanUpPrograms, freshHome, type Program } from '../support/program.ts';
import {
  announcementsOf,
  ended,
  phasesOf,
  pidsIn,
  shell,
  startToolProgram,
} from '../support/tool-program.ts';
import { startToolServer, type ToolServer } from '../support/tool-server.ts';

const servers: ToolServer[] = [];
beforeAll(buildProgram);
afterAll(async () => {
  cleanUpPrograms();
  await Promise.all(servers.map((server) => server.stop()));
});

/** One device on one state directory, life after life, and what its server was told to tell. */
async function lives(mcp: object) {
  const willing = { toSpeak: true };
  const server = await startToolServer({
    onNotice: (text) => (text === 'hello' || willing.toSpeak) && server.speak(),
  });
  servers.push(server);
  const home = freshHome();
  return {
    home,
    server,
    willing,
    start: () => startToolProgram({ home, mcp, args: ['--server', server.url] }),
    /** A life that begins with a conversation. */
    async talk(): Promise<Program> {
      const greetings = () => server.notices.filter((text) => text === 'hello').length;
      const before = greetings();
      const program = startToolProgram({ home, mcp, args: ['--server', server.url, '--say', 'hello'] });
      await server.until(() => greetings() > before);
      return program;
    },
    told: () => server.notices.filter((text) => text !== 'hello'),
  };
}

const spoken = (program: Program): string[] =>
  announcementsOf(program).filter((line) => line.startsWith('spoken'));

async function kill(program: Program): Promise<void> {
  program.child.kill('SIGKILL');
  await program.exited;
}

const tasksOf = (home: string): string => join(home, 'state/xiaozhi-speaker/tasks');

/** Until the disk knows that everything has been told. */
async function untilAllTold(home: string): Promise<void> {
  for (;;) {
    const { tasks } = foldJournal(await readTaskJournal(tasksOf(home)));
    if ([...tasks.values()].every(({ deliveredAtMs }) => deliveredAtMs !== undefined)) return;
    await sleep(10);
  }
}

const tea = (line = 'sleep 0.5; echo Tea.', fields: object = {}) => ({
  tools: [shell('tea', line, { mode: 'background', ...fields })],
});

describe.concurrent('after kill -9 of the whole device', { timeout: 60_000 }, () => {
  const moments: readonly (readonly [string, (program: Program) => boolean, string])[] = [
    [
      'the model has been told that it began',
      (p) => phasesOf(p, 'tea').includes('replied'),
      'was interrupted',
    ],
    ['it has finished', (p) => phasesOf(p, 'tea').includes('completed'), 'has finished: Tea.'],
    [
      'the server was asked to tell it',
      (p) => announcementsOf(p).includes('sent t1 detect'),
      'has finished: Tea.',
    ],
  ];
  it.for(moments)('when %s, a task is told exactly once', async ([, moment, words], { expect }) => {
    const { home, server, willing, start, talk, told } = await lives(tea());
    willing.toSpeak = false;
    const first = await talk();
    await server.call('tea');
    await first.until(() => moment(first));
    const asked = told().length;
    await kill(first);
    willing.toSpeak = true;
    const second = start();
    await second.until(() => spoken(second).length === 1);
    expect(told().slice(asked)).toEqual([expect.stringContaining(words)]);
    await untilAllTold(home);
    await kill(second);
    const third = await talk();
    await third.until(() => third.eventsOf('turn').some(({ phase }) => phase === 'finished'));
    await sleep(1500);
    expect([...announcementsOf(third), ...spoken(first)]).toEqual([]);
  });

  it('again and again at any moment, every task is told', async ({ expect }) => {
    const { home, server, start, talk } = await lives(tea('echo Tea.'));
    const told: string[] = [];
    for (const lifeMs of [0, 50, 300, 900, 1000, 1100]) {
      const program = await talk();
      void server.call('tea').catch(() => {});
      await sleep(lifeMs);
      await kill(program);
      told.push(...spoken(program));
    }
    const last = start();
    await untilAllTold(home);
    told.push(...spoken(last));
    const { tasks } = foldJournal(await readTaskJournal(tasksOf(home)));
    expect(tasks.size).toBeGreaterThan(2);
    expect(new Set(told).size).toBe(tasks.size);
    // Killed between the first sound and the note of it on disk, a result is told once more: never twice in one life.
    expect(told.length - tasks.size).toBeLessThanOrEqual(6);
  });

  it('a tool that may run again does, and its children of before are gone', async ({ expect }) => {
    const notes = freshHome();
    const { server, start, talk, told } = await lives(
      tea(`echo $$ >> ${notes}/pids; [ -e ${notes}/again ] || sleep 300; echo Tea.`, { idempotent: true }),
    );
    const first = await talk();
    await server.call('tea');
    const [pid = 0] = await pidsIn(join(notes, 'pids'), 1);
    await kill(first);
    await ended([pid]);
    writeFileSync(join(notes, 'again'), '');
    const second = start();
    await second.until(() => spoken(second).length === 1);
    expect(told()).toEqual([expect.stringContaining('The task "tea" has finished: Tea.')]);
    expect((await pidsIn(join(notes, 'pids'), 2)).length).toBe(2);
  });

  it('a timer rings', async ({ expect }) => {
    const { server, start, talk, told } = await lives({});
    const first = await talk();
    await server.call('self.timer.set', { seconds: 2, message: 'take the bread out' });
    await kill(first);
    const second = start();
    await second.until(() => spoken(second).length === 1);
    expect(told()).toEqual([expect.stringContaining('Reminder: take the bread out')]);
  });
});
