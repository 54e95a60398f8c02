import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { buildProgram, cleanUpPrograms, freshHome, type Program, startProgram } from '../support/program.ts';
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

const background = { mode: 'background' };
const say = (...texts: string[]): string[] => texts.flatMap((text) => ['--say', text]);
const spoken = (program: Program, count: number) => () =>
  program.eventsOf('announcement').filter(({ phase }) => phase === 'spoken').length >= count;

/** The state the device was in when this event came. */
function stateAt(program: Program, at: number): unknown {
  return program.eventsOf('state').findLast(({ t }) => t < at)?.to;
}

describe.concurrent('a tool called in a conversation with the embedded server', { timeout: 60_000 }, () => {
  it('in the background is begun at once, and results are told together when nobody speaks any more', async ({
    expect,
  }) => {
    const program = startToolProgram({
      mcp: {
        tools: [
          shell('tea', 'sleep 0.3; echo The tea is ready.', background),
          shell('cake', 'echo no eggs >&2; exit 3', background),
        ],
      },
      args: say('call tea {}', 'call cake {}'),
    });
    await program.until(spoken(program, 2));
    await program.until(() => sentencesOf(program).length === 3);
    expect(sentencesOf(program)).toEqual([
      'Started as task t1. I will tell you when it is done.',
      'Started as task t2. I will tell you when it is done.',
      'The task "tea" has finished: The tea is ready. The task "cake" has failed: no eggs (exit code 3).',
    ]);
    expect([phasesOf(program, 'tea'), phasesOf(program, 'cake')]).toEqual([
      ['called', 'replied', 'completed'],
      ['called', 'replied', 'failed'],
    ]);
    expect(announcementsOf(program)).toEqual([
      'queued t1',
      'queued t2',
      'sent t1 detect',
      'sent t2 detect',
      'spoken t1 detect',
      'spoken t2 detect',
    ]);
    const [teaDone] = program.eventsOf('tool').filter(({ phase }) => phase === 'completed');
    const [sent] = program.eventsOf('announcement').filter(({ phase }) => phase === 'sent');
    expect([stateAt(program, teaDone?.t ?? 0), stateAt(program, sent?.t ?? 0)]).toEqual([
      'speaking',
      'announcing',
    ]);
    const answered = program
      .eventsOf('playback')
      .filter(({ phase, t }) => phase === 'drained' && t <= (sent?.t ?? 0));
    expect(answered.length).toBe(2);
  });

  it('is waited for when sync, and for a while when async; what takes longer is told later', async ({
    expect,
  }) => {
    const program = startToolProgram({
      mcp: {
        tools: [
          shell('add', 'cat', { input_schema: { type: 'object', properties: { a: { type: 'integer' } } } }),
          shell('search', 'sleep 1.5; echo Found it.', { mode: 'async', handoff_ms: 500 }),
        ],
      },
      args: say('call add {"a": 7}', 'call add {"a": "x"}', 'call search {}'),
    });
    await program.until(spoken(program, 1));
    await program.until(() => sentencesOf(program).length === 4);
    expect(sentencesOf(program)).toEqual([
      '{"a":7}',
      'Wrong arguments for add: "a" must be a whole number, not a text.',
      'Task t1 is still running. I will tell you when it is done.',
      'The task "search" has finished: Found it.',
    ]);
    expect(phasesOf(program, 'search')).toEqual(['called', 'handed-over', 'replied', 'completed']);
    expect(phasesOf(program, 'add')).toEqual(['called', 'completed', 'replied', 'failed']);
  });

  it('that is cancelled by voice or by command ends with its children, and nothing is told', async ({
    expect,
  }) => {
    const home = freshHome();
    const nap = shell(
      'nap',
      `sleep 300 & echo $! >> ${home}/pids; echo $$ >> ${home}/pids; wait`,
      background,
    );
    const program = startToolProgram({
      home,
      mcp: { tools: [nap] },
      args: say('call nap {}', 'call self.tasks.cancel {"task_id": "t1"}', 'call nap {}'),
    });
    const pids = await pidsIn(join(home, 'pids'), 4);
    await ended(pids.slice(0, 2));
    const cancel = startProgram(['tasks', 'cancel', 't2'], { home });
    await once(cancel.child, 'exit');
    await ended(pids);
    await program.until(() => phasesOf(program, 'nap').length === 6);
    expect([phasesOf(program, 'nap'), announcementsOf(program)]).toEqual([
      ['called', 'replied', 'cancelled', 'called', 'replied', 'cancelled'],
      [],
    ]);
    expect(await cancel.exited).toBe(0);
  });

  it('is not outlived by its children when the device is ended, which tells of it at the next start', async ({
    expect,
  }) => {
    const home = freshHome();
    const line = `trap "" TERM; sleep 300 & echo $! >> ${home}/pids; echo $$ >> ${home}/pids; wait`;
    const mcp = { tools: [shell('nap', line, background)] };
    const program = startToolProgram({ home, mcp, args: say('call nap {}') });
    const pids = await pidsIn(join(home, 'pids'), 2);
    await program.until(() => phasesOf(program, 'nap').includes('replied'));
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
    await ended(pids);
    const next = startToolProgram({ home, mcp });
    await next.until(() => sentencesOf(next).length === 1);
    expect(sentencesOf(next)).toEqual([
      'The task "nap" was interrupted because the device restarted; it did not finish.',
    ]);
  });

  it('in quiet hours is told when they are over', async ({ expect }) => {
    const hour = new Date().getHours();
    const at = (offset: number) => `${String((hour + offset + 24) % 24).padStart(2, '0')}:00`;
    const home = freshHome();
    const mcp = { tools: [shell('tea', 'echo Ready.', background)] };
    const quiet = startToolProgram({
      home,
      mcp,
      announcements: { quietHours: { from: at(-1), to: at(2) } },
      args: say('call tea {}', 'hello'),
    });
    await quiet.until(() => quiet.eventsOf('turn').filter(({ phase }) => phase === 'finished').length === 2);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(announcementsOf(quiet)).toEqual(['queued t1']);
    expect(quiet.eventsOf('state').map(({ to }) => to)).not.toContain('announcing');
    quiet.child.kill('SIGTERM');
    await quiet.exited;
    const later = startToolProgram({ home, mcp });
    await later.until(spoken(later, 1));
    expect(announcementsOf(later)).toEqual(['queued t1', 'sent t1 detect', 'spoken t1 detect']);
  });
});
