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
  sentencesOf,
  shell,
  startToolProgram,
} from '../support/tool-program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

const spoken = (program: Program): string[] =>
  announcementsOf(program).filter((line) => line.startsWith('spoken'));

async function kill(program: Program): Promise<void> {
  program.child.kill('SIGKILL');
  await program.exited;
}

/** Until the disk knows that everything has been told. */
async function untilAllTold(home: string): Promise<void> {
  const directory = join(home, 'state/xiaozhi-speaker/tasks');
  for (;;) {
    const { tasks } = foldJournal(await readTaskJournal(directory));
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
    const home = freshHome();
    const first = startToolProgram({ home, mcp: tea(), args: ['--say', 'call tea {}'] });
    await first.until(() => moment(first));
    await kill(first);
    const second = startToolProgram({ home, mcp: tea() });
    await second.until(() => sentencesOf(second).length === 1);
    expect(sentencesOf(second)).toEqual([expect.stringContaining(words)]);
    expect([...spoken(first), ...spoken(second)]).toEqual(['spoken t1 detect']);
    await untilAllTold(home);
    await kill(second);
    const third = startToolProgram({ home, mcp: tea(), args: ['--say', 'hello', '--turns', '1'] });
    expect(await third.exited).toBe(0);
    expect(announcementsOf(third)).toEqual([]);
  });

  it('again and again at any moment, every task is told, and none twice that the disk knows as told', async ({
    expect,
  }) => {
    const home = freshHome();
    const told: string[] = [];
    for (const lifeMs of [700, 1100, 1700, 2300, 3100]) {
      const program = startToolProgram({
        home,
        mcp: tea('echo Tea.'),
        args: ['--say', 'call tea {}', '--say', 'call tea {}'],
      });
      await program.until(() => program.events.length > 0);
      await sleep(lifeMs);
      await kill(program);
      told.push(...spoken(program));
    }
    const last = startToolProgram({ home, mcp: tea() });
    await last.until(() => announcementsOf(last).length > 0);
    await untilAllTold(home);
    told.push(...spoken(last));
    const { tasks } = foldJournal(await readTaskJournal(join(home, 'state/xiaozhi-speaker/tasks')));
    expect(tasks.size).toBeGreaterThan(1);
    expect([...new Set(told)].length).toBe(tasks.size);
    // Killed between the first sound and the note of it, a result is told once more: at most one of each life.
    expect(told.length - tasks.size).toBeLessThanOrEqual(5);
  });

  it('a tool that may run again does, and its children of before are gone', async ({ expect }) => {
    const home = freshHome();
    const mcp = tea(`echo $$ >> ${home}/pids; sleep 2; echo Tea.`, { idempotent: true });
    const first = startToolProgram({ home, mcp, args: ['--say', 'call tea {}'] });
    await first.until(() => phasesOf(first, 'tea').includes('replied'));
    const [pid = 0] = await pidsIn(join(home, 'pids'), 1);
    await kill(first);
    await ended([pid]);
    const second = startToolProgram({ home, mcp });
    await second.until(() => sentencesOf(second).length === 1);
    expect(sentencesOf(second)).toEqual(['The task "tea" has finished: Tea.']);
    expect((await pidsIn(join(home, 'pids'), 2)).length).toBe(2);
  });

  it('a timer rings', async ({ expect }) => {
    const home = freshHome();
    const set = 'call self.timer.set {"seconds": 2, "message": "take the bread out"}';
    const first = startToolProgram({ home, args: ['--say', set] });
    await first.until(() => phasesOf(first, 'self.timer.set').includes('replied'));
    await kill(first);
    const second = startToolProgram({ home });
    await second.until(() => sentencesOf(second).length === 1);
    expect(sentencesOf(second)).toEqual([expect.stringMatching(/^Reminder: take the bread out/)]);
  });
});
