import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { AnnouncementsSchema } from '../../../src/config/announcements.ts';
import type { TaskMail } from '../../../src/mcp/announcements/mail.ts';
import { deliver, emptyMailbox, type Mailbox, taskIdsOf } from '../../../src/mcp/announcements/mailbox.ts';
import { announcementEvents, notificationPayload } from '../../../src/mcp/announcements/messages.ts';
import {
  announcementDelayMs,
  nextAttempt,
  planAnnouncement,
  strategyOf,
} from '../../../src/mcp/announcements/plan.ts';
import { quietForMs } from '../../../src/mcp/announcements/quiet-hours.ts';
import type { AnnouncementSettings } from '../../../src/mcp/announcements/settings.ts';

const settings: AnnouncementSettings = { ...AnnouncementsSchema.parse({}), language: 'en' };
const noon = new Date(2026, 4, 5, 12, 0);
const mail = (taskId: string, text: string, changes: Partial<TaskMail> = {}): TaskMail => ({
  taskId,
  tool: 'weather',
  outcome: 'done',
  text,
  ...changes,
});
const box = (...mails: TaskMail[]): Mailbox =>
  mails.reduce((mailbox, each) => deliver(mailbox, each, 32).mailbox, emptyMailbox);
const notice = (mailbox: Mailbox, changes: Partial<AnnouncementSettings> = {}) => {
  const plan = planAnnouncement(mailbox, 0, { ...settings, ...changes }, noon);
  return plan.kind === 'send' ? plan.notice : plan;
};

describe('what is told', () => {
  test('one result, as a request to the model', () => {
    expect(planAnnouncement(box(mail('t1', 'sunny,\n21 °C')), 0, settings, noon)).toEqual({
      kind: 'send',
      strategy: 'detect',
      needsChannel: true,
      notice: {
        taskIds: ['t1'],
        text: '[Notice of the device] The task "weather" has finished: sunny, 21 °C. Tell me this now, briefly, in your own words.',
      },
    });
  });

  test('in Chinese', () => {
    expect(notice(box(mail('t1', '晴天')), { language: 'zh-CN' })).toEqual({
      taskIds: ['t1'],
      text: '【设备通知】任务“weather”已完成：晴天。请现在用简短的口语告诉我。',
    });
  });

  test('failure, interruption, an empty result and a reminder have words of their own', () => {
    const local = { strategies: ['local'] } as const;
    const texts = [
      mail('t1', 'No network.', { outcome: 'failed' }),
      mail('t2', '', { outcome: 'interrupted' }),
      mail('t3', ' '),
      mail('t4', 'tea is ready', { tool: 'self.timer.set' }),
    ].map((each) => notice(box(each), local));
    expect(texts).toEqual([
      { taskIds: ['t1'], text: 'The task "weather" has failed: No network.' },
      {
        taskIds: ['t2'],
        text: 'The task "weather" was interrupted because the device restarted; it did not finish.',
      },
      { taskIds: ['t3'], text: 'The task "weather" has finished.' },
      { taskIds: ['t4'], text: 'Reminder: tea is ready.' },
    ]);
  });

  test('several at once as far as the limit goes, and how many are left', () => {
    const mailbox = box(
      mail('t1', 'one'),
      mail('t2', 'two', { tool: 'lamp' }),
      mail('t3', 'x'.repeat(500)),
      mail('t4', 'four'),
    );
    expect(notice(mailbox, { strategies: ['local'], maxSpokenCharacters: 150 })).toEqual({
      taskIds: ['t1', 't2', 't3'],
      text: `The task "weather" has finished: one. The task "lamp" has finished: two. The task "weather" has finished: ${'x'.repeat(78)}… Results still waiting: 1.`,
    });
  });

  test('what did not fit into the mailbox is counted among what waits', () => {
    const mails = ['t1', 't2', 't3'].map((id) => mail(id, `of ${id}`));
    const mailbox = mails.reduce<Mailbox>((all, each) => deliver(all, each, 1).mailbox, emptyMailbox);
    expect(notice(mailbox, { strategies: ['local'] })).toEqual({
      taskIds: ['t1'],
      text: 'The task "weather" has finished: of t1. Results still waiting: 2.',
    });
  });

  test('a cue names the tasks within its limit and nothing of the result', () => {
    const mailbox = box(...Array.from({ length: 9 }, (_, n) => mail(`t${n + 1}`, 'a secret')));
    expect(notice(mailbox, { strategies: ['detect-cue'] })).toEqual({
      taskIds: ['t1', 't2', 't3'],
      text: '[Notice] Read t1, t2, t3 with self.tasks.read and tell me.',
    });
    expect(notice(mailbox, { strategies: ['detect-cue'], maxCueCharacters: 51 })).toMatchObject({
      taskIds: ['t1'],
    });
  });

  test('whatever a tool printed, the notice is one printable line of bounded length that begins with our words', () => {
    const results = fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(results, fc.constantFrom('en' as const, 'zh-CN' as const), (texts, language) => {
        const mailbox = box(...texts.map((text, n) => mail(`t${n}`, text, { tool: text.slice(0, 90) })));
        const told = notice(mailbox, { language });
        if (!('text' in told)) throw new Error('nothing is told');
        expect(told.text).toMatch(/^(\[Notice|【)/);
        expect(told.text).not.toMatch(/[\p{Cc}\n\r]/u);
        expect(Array.from(told.text).length).toBeLessThan(300 + 5 * 160);
        expect(taskIdsOf(mailbox).slice(0, told.taskIds.length)).toEqual(told.taskIds);
      }),
    );
  });
});

describe('how it is tried', () => {
  test('each strategy has its tries, then the next, then from the beginning', () => {
    const order = Array.from({ length: 8 }, (_, attempt) => strategyOf(attempt, settings));
    expect(order).toEqual([
      'detect',
      'detect',
      'detect-cue',
      'detect-cue',
      'local',
      'local',
      'detect',
      'detect',
    ]);
  });

  test('a server that refuses the text with an alert is not sent it again', () => {
    expect(
      ['refused', 'no-reply', 'no-channel'].map((why) => nextAttempt(0, why as 'refused', settings)),
    ).toEqual([2, 1, 1]);
    expect(nextAttempt(3, 'refused', settings)).toBe(4);
  });

  test('the waits double up to the longest', () => {
    const delays = Array.from({ length: 8 }, (_, attempt) => announcementDelayMs(attempt, settings));
    expect(delays).toEqual([0, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000]);
  });

  test('only local needs no channel', () => {
    const plans = [0, 2, 4].map((attempt) => planAnnouncement(box(mail('t1', 'x')), attempt, settings, noon));
    expect(plans.map((plan) => plan.kind === 'send' && plan.needsChannel)).toEqual([true, true, false]);
  });

  test('without mail there is nothing to do', () => {
    expect(planAnnouncement(emptyMailbox, 0, settings, noon)).toEqual({ kind: 'none' });
  });
});

describe('quiet hours', () => {
  const zone = process.env.TZ;
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  const at = (hours: number, minutes: number, day = 5) => new Date(2026, 4, day, hours, minutes);

  test('over midnight', () => {
    const night = { from: '22:00', to: '07:00' };
    const minutesLeft = [at(21, 59), at(22, 0), at(23, 30), at(0, 0), at(6, 59), at(7, 0)].map(
      (now) => quietForMs(night, now) / 60_000,
    );
    expect(minutesLeft).toEqual([0, 540, 450, 420, 1, 0]);
  });

  test('within a day', () => {
    const nap = { from: '13:00', to: '15:00' };
    expect(
      [at(12, 59), at(13, 0), at(14, 59), at(15, 0)].map((now) => quietForMs(nap, now) / 60_000),
    ).toEqual([0, 120, 1, 0]);
  });

  test('in a night that is an hour shorter or longer the mail comes at the time on the clock', () => {
    process.env.TZ = 'Europe/Berlin';
    const night = { from: '22:00', to: '07:00' };
    const hours = [new Date(2026, 2, 28, 22, 0), new Date(2026, 9, 24, 22, 0)].map(
      (now) => quietForMs(night, now) / 3_600_000,
    );
    expect(hours).toEqual([8, 10]);
  });

  test('mail waits for their end', () => {
    const quiet = { ...settings, quietHours: { from: '11:00', to: '12:30' } };
    expect(planAnnouncement(box(mail('t1', 'x')), 0, quiet, noon)).toEqual({
      kind: 'wait',
      delayMs: 1_800_000,
    });
  });

  test('at any moment the wait is at most a day and ends outside', () => {
    const time = fc
      .tuple(fc.nat(23), fc.nat(59))
      .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
    fc.assert(
      fc.property(time, time, fc.integer({ min: 0, max: 366 * 1440 }), (from, to, minute) => {
        fc.pre(from !== to);
        process.env.TZ = 'Europe/Berlin';
        const now = new Date(Date.UTC(2026, 0, 1) + minute * 60_000);
        const waitMs = quietForMs({ from, to }, now);
        expect(waitMs).toBeLessThanOrEqual(25 * 3_600_000);
        if (waitMs <= 1000) return;
        const then = new Date(now.getTime() + waitMs);
        // In the hour that does not exist in spring the clock shows an hour later.
        const shown = `${String(then.getHours()).padStart(2, '0')}:${String(then.getMinutes()).padStart(2, '0')}`;
        if (to < '02:00' || to >= '03:00') expect(shown).toBe(to);
      }),
    );
  });
});

test('messages, literally', () => {
  const told = { taskIds: ['t1', 't2'], text: '晴' };
  expect(notificationPayload(told)).toEqual({
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', logger: 'tasks', data: { task_ids: ['t1', 't2'], text: '晴' } },
  });
  expect(announcementEvents('sent', ['t1', 't2'], { strategy: 'detect', attempt: 1 })).toEqual([
    { type: 'announcement', task: 't1', phase: 'sent', strategy: 'detect', attempt: 1 },
    { type: 'announcement', task: 't2', phase: 'sent', strategy: 'detect', attempt: 1 },
  ]);
});

test('the configuration has these defaults and refuses what is no time of day', () => {
  expect(AnnouncementsSchema.parse({})).toEqual({
    strategies: ['detect', 'detect-cue', 'local'],
    triesPerStrategy: 2,
    firstRetryMs: 1600,
    maxRetryMs: 60_000,
    language: 'auto',
    maxSpokenCharacters: 300,
    maxCueCharacters: 80,
    mailboxCapacity: 32,
    quietMs: 3_000,
    heardMs: 1_000,
  });
  for (const from of ['24:00', '7:00', '07:60'])
    expect(AnnouncementsSchema.safeParse({ quietHours: { from, to: '06:00' } }).success).toBe(false);
  expect(AnnouncementsSchema.safeParse({ quietHours: { from: '06:00', to: '06:00' } }).success).toBe(false);
});
