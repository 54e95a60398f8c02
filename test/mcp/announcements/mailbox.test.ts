import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskMail } from '../../../src/mcp/announcements/mail.ts';
import {
  deliver,
  emptyMailbox,
  itemsOf,
  type Mailbox,
  taskIdsOf,
  withdraw,
} from '../../../src/mcp/announcements/mailbox.ts';

const mail = (taskId: string, tool = taskId): TaskMail => ({
  taskId,
  tool,
  outcome: 'done',
  text: `of ${taskId}`,
});
const filled = (mails: readonly TaskMail[], capacity: number) => {
  let mailbox: Mailbox = emptyMailbox;
  const expired: string[] = [];
  for (const each of mails) {
    const delivery = deliver(mailbox, each, capacity);
    mailbox = delivery.mailbox;
    expired.push(...delivery.expired);
  }
  return { mailbox, expired };
};

test('mail waits in the order it came, once per task', () => {
  const { mailbox, expired } = filled([mail('t1'), mail('t2'), mail('t1'), mail('t3')], 32);
  expect([taskIdsOf(mailbox), expired]).toEqual([['t1', 't2', 't3'], []]);
});

test('a full mailbox joins the mail of each tool at the place of its oldest, with the newest result', () => {
  const { mailbox, expired } = filled(
    [mail('t1', 'a'), mail('t2', 'b'), mail('t3', 'a'), mail('t4', 'a')],
    3,
  );
  expect(itemsOf(mailbox)).toEqual([
    { tool: 'a', taskIds: ['t1', 't3', 't4'], newest: mail('t4', 'a') },
    { tool: 'b', taskIds: ['t2'], newest: mail('t2', 'b') },
  ]);
  expect(expired).toEqual([]);
});

test('when all are of different tools the oldest gives way, and its tasks are named', () => {
  const { mailbox, expired } = filled([mail('t1'), mail('t2'), mail('t3')], 2);
  expect([taskIdsOf(mailbox), expired]).toEqual([['t2', 't3'], ['t1']]);
});

test('what has been told goes, also out of the middle and out of joined mail', () => {
  const { mailbox } = filled([mail('t1', 'a'), mail('t2', 'b'), mail('t3', 'a'), mail('t4', 'c')], 3);
  expect(taskIdsOf(withdraw(mailbox, ['t1', 't2']))).toEqual(['t3', 't4']);
  expect(withdraw(mailbox, ['t9'])).toBe(mailbox);
});

test('no mail is lost without being named, and the bound holds', () => {
  const mails = fc.array(fc.tuple(fc.nat(400), fc.constantFrom('a', 'b', 'c', 'd', 'e')), { maxLength: 400 });
  fc.assert(
    fc.property(mails, fc.integer({ min: 1, max: 4 }), (all, capacity) => {
      const given = all.map(([n, tool]) => mail(`t${n}`, tool));
      const { mailbox, expired } = filled(given, capacity);
      expect(mailbox.length).toBeLessThanOrEqual(capacity);
      const known = new Set([...taskIdsOf(mailbox), ...expired]);
      expect(known).toEqual(new Set(given.map(({ taskId }) => taskId)));
      expect(taskIdsOf(mailbox).length).toBe(new Set(taskIdsOf(mailbox)).size);
    }),
  );
});

test('10 000 mails keep their order', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `t${n}`);
  const { mailbox, expired } = filled(
    ids.map((id) => mail(id)),
    10_000,
  );
  expect([taskIdsOf(mailbox), expired]).toEqual([ids, []]);
});

test('10 000 results of one tool are one item that names the newest 256 and expires the rest', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `t${n}`);
  const { mailbox, expired } = filled(
    ids.map((id) => mail(id, 'a')),
    32,
  );
  expect(mailbox.length).toBeLessThanOrEqual(32);
  expect([...expired, ...taskIdsOf(mailbox)]).toEqual(ids);
});
