import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/core/logger.ts';
import type { TaskMail } from '../../../src/mcp/announcements/mail.ts';
import { openTasks } from '../../../src/mcp/tasks.ts';
import { nextTime } from '../../../src/mcp/tools/time-of-day.ts';
import { createTimerTools } from '../../../src/mcp/tools/timer.ts';
import { createTimerRing, timerRingName } from '../../../src/mcp/tools/timer-ring.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { memoryJournal } from '../../support/mcp-parts.ts';

/** 2026-03-10 12:00 local time. */
const noon = new Date(2026, 2, 10, 12).getTime();

/** A device with timers; `restart` gives the next one on the same disk. */
async function device({ wallAtStartMs = noon, journal = memoryJournal(), boot = 'first' } = {}) {
  const clock = new FakeClock();
  let offsetMs = wallAtStartMs;
  const wallClock = () => offsetMs + clock.now();
  const mail: TaskMail[] = [];
  const tasks = await openTasks({
    journal,
    clock,
    wallClock,
    logger: silentLogger,
    limits: { maxRunning: 2, maxKept: 200, expireAfterMs: 864_000_000 },
    listener: {
      onMail: (item) => mail.push(item),
      onTold: () => {},
      onExpired: () => {},
      onProblem: () => {},
    },
  });
  const clocks = { clock, wallClock, boot };
  const ring = createTimerRing(clocks);
  const tools = createTimerTools({ ...clocks, tasks, ring, channel: 'device' });
  await tasks.resume((name) => (name === timerRingName ? ring : undefined));
  const context = { signal: new AbortController().signal, deadlineMs: 0, log: silentLogger };
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const all = { name: 'timer', seconds: 0, at: '', message: '', ...args };
    const output = await tools.find((tool) => tool.name === `self.timer.${name}`)?.run(all, context);
    return output?.kind === 'json' ? output.value : output?.kind === 'text' ? output.text : undefined;
  };
  return {
    clock,
    mail,
    call,
    setTimeOfDay: (ms: number) => {
      offsetMs = ms - clock.now();
    },
    restart: (wallMs: number) => {
      // The journal as it is now: what the stopped device would still write does not count.
      return device({ wallAtStartMs: wallMs, journal: memoryJournal([...journal.entries]), boot: 'second' });
    },
  };
}

const texts = (mail: readonly TaskMail[]) => mail.map(({ text }) => text);

describe('a timer', () => {
  it('rings after its time and not before', async () => {
    const { call, clock, mail } = await device();
    expect(await call('set', { name: 'tea', seconds: 300, message: 'Take the bag out.' })).toEqual({
      timer_id: 't1',
      name: 'tea',
      due: '2026-03-10 12:05:00',
    });
    await clock.advanceAsync(299_999);
    expect(mail).toEqual([]);
    await clock.advanceAsync(1);
    await vi.waitFor(() => expect(mail).toHaveLength(1));
    expect(mail).toMatchObject([
      { taskId: 't1', tool: 'self.timer', outcome: 'done', text: 'tea: Take the bag out.' },
    ]);
  });

  it('rings in time although the time of day is set meanwhile', async () => {
    const { call, clock, mail, setTimeOfDay } = await device({ wallAtStartMs: 0 });
    await call('set', { seconds: 300 });
    setTimeOfDay(noon);
    await clock.advanceAsync(299_000);
    expect(mail).toEqual([]);
    await clock.advanceAsync(1000);
    await vi.waitFor(() => expect(texts(mail)).toEqual(['timer']));
  });

  it('follows the time of day when it was set for one', async () => {
    const { call, clock, mail, setTimeOfDay } = await device();
    expect(await call('set', { at: '18:30', name: 'dinner' })).toMatchObject({ due: '2026-03-10 18:30:00' });
    await clock.advanceAsync(60_000);
    setTimeOfDay(new Date(2026, 2, 10, 18, 29, 50).getTime());
    await clock.advanceAsync(30_000);
    await vi.waitFor(() => expect(texts(mail)).toEqual(['dinner']));
  });

  it('is listed with the time that is left, and can be cancelled', async () => {
    const { call, clock, mail } = await device();
    await call('set', { seconds: 600, name: 'a' });
    await call('set', { at: '2026-03-11 07:00', name: 'b' });
    await clock.advanceAsync(60_000);
    expect(await call('list')).toEqual([
      { timer_id: 't1', name: 'a', due: '2026-03-10 12:10:00', seconds_left: 540 },
      { timer_id: 't2', name: 'b', due: '2026-03-11 07:00:00', seconds_left: 68_340 },
    ]);
    expect(await call('cancel', { timer_id: 't1' })).toBe('true');
    await vi.waitFor(async () => expect(await call('list')).toHaveLength(1));
    await expect(call('cancel', { timer_id: 't1' })).rejects.toThrow(
      'There is no timer t1; self.timer.list tells which there are.',
    );
    await clock.advanceAsync(3_600_000);
    expect(mail).toEqual([]);
  });

  it.each([
    ['Say when: seconds from now, or at as HH:MM.', {}],
    ['Say either seconds or at, not both.', { seconds: 5, at: '10:00' }],
    ['at has to be a time like 07:30 or a date like 2026-12-24 18:00.', { at: 'tomorrow' }],
    ['2026-03-10 11:59 is over already.', { at: '2026-03-10 11:59' }],
    ['A timer can be at most 30 days ahead.', { at: '2027-01-01 00:00' }],
  ])('is refused with "%s"', async (message, args) => {
    const { call } = await device();
    await expect(call('set', args)).rejects.toThrow(message);
  });

  it('does not count as work: many may wait', async () => {
    const { call } = await device();
    for (let i = 0; i < 20; i++) await call('set', { seconds: 100 + i });
    expect(await call('list')).toHaveLength(20);
  });
});

describe('after a restart', () => {
  it('a timer still rings, once', async () => {
    const before = await device();
    await before.call('set', { seconds: 600, name: 'tea' });
    const { clock, mail } = await before.restart(noon + 120_000);
    await clock.advanceAsync(470_000);
    expect(mail).toEqual([]);
    await clock.advanceAsync(20_000);
    await vi.waitFor(() => expect(texts(mail)).toEqual(['tea']));
  });

  it('a timer that was due meanwhile rings at once and says when it was due', async () => {
    const before = await device();
    await before.call('set', { at: '12:10', name: 'tea' });
    const { mail } = await before.restart(noon + 3_600_000);
    await vi.waitFor(() => expect(texts(mail)).toEqual(['tea (was due 2026-03-10 12:10:00)']));
  });
});

describe('a time of day', () => {
  const local = (...[y, mo, d, h, mi]: [number, number, number, number, number]) =>
    new Date(y, mo - 1, d, h, mi).getTime();

  it.each([
    ['13:00', local(2026, 3, 10, 13, 0)],
    ['11:00', local(2026, 3, 11, 11, 0)],
    ['12:00', local(2026, 3, 11, 12, 0)],
    ['7:05:30', local(2026, 3, 11, 7, 5) + 30_000],
    ['2026-12-24 18:00', local(2026, 12, 24, 18, 0)],
    ['2026-12-24T18:00', local(2026, 12, 24, 18, 0)],
    ['24:00', undefined],
    ['12:60', undefined],
    ['2026-02-30 10:00', undefined],
    ['noon', undefined],
    ['', undefined],
  ])('%j, said at noon', (text, expected) => {
    expect(nextTime(text, noon)).toBe(expected);
  });

  it('is the same on the clock on the wall across a change to summer time', () => {
    const zone = process.env.TZ;
    process.env.TZ = 'Europe/Berlin';
    try {
      const evening = new Date(2026, 2, 28, 22).getTime();
      const alarm = nextTime('07:00', evening) ?? 0;
      expect(new Date(alarm).getHours()).toBe(7);
      expect(alarm - evening).toBe(8 * 3_600_000);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});
