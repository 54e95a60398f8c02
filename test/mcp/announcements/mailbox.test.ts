import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskMail } from '../../../src/mcp/announcements/mail.ts';
import {
  deliver,
  emptyMailbox,
  type Mailbox,
  mailsOf,
  taskIdsOf,
  waits,
  withdraw,
} from '../../../src/mcp/announcements/mailbox.ts';

const mail = (taskId: string, tool = taskId): TaskMail => ({
  taskId,
  tool,
  outcome: 'done',
  text: `of ${taskId}`,
});
const filled = (mails: readonly TaskMail[], capacity: number): Mailbox =>
  mails.reduce<Mailbox>((box, each) => deliver(box, each, capacity).mailbox, emptyMailbox);

test('mail waits in the order it came, once per task', () => {
  const mailbox = filled([mail('t1'), mail('t2'), mail('t1'), mail('t3')], 32);
  expect([taskIdsOf(mailbox), mailbox.beyond]).toEqual([['t1', 't2', 't3'], []]);
});

test('a full mailbox keeps what it has, each result for itself, and counts what did not fit', () => {
  const mails = [mail('t1', 'a'), mail('t2', 'a'), mail('t3', 'a'), mail('t4', 'b'), mail('t3', 'a')];
  const mailbox = filled(mails, 2);
  expect([mailsOf(mailbox), mailbox.beyond]).toEqual([mails.slice(0, 2), ['t3', 't4']]);
  expect(deliver(mailbox, mail('t5'), 2).taken).toBe(false);
  expect(['t1', 't4', 't5'].map((id) => waits(mailbox, id))).toEqual([true, true, false]);
});

test('mail that comes again when there is room is taken, and counted once', () => {
  const full = filled([mail('t1'), mail('t2'), mail('t3')], 2);
  const { mailbox, taken } = deliver(withdraw(full, ['t1']), mail('t3'), 2);
  expect([taken, taskIdsOf(mailbox), mailbox.beyond]).toEqual([true, ['t2', 't3'], []]);
});

test('what has been told goes, also out of the middle and of what did not fit', () => {
  const mailbox = filled([mail('t1'), mail('t2'), mail('t3'), mail('t4'), mail('t5')], 3);
  const left = withdraw(mailbox, ['t2', 't5']);
  expect([taskIdsOf(left), left.beyond]).toEqual([['t1', 't3'], ['t4']]);
  expect(withdraw(mailbox, ['t9'])).toBe(mailbox);
});

test('every mail is in the box or beyond it, once, and the bound holds', () => {
  const mails = fc.array(fc.tuple(fc.nat(400), fc.constantFrom('a', 'b', 'c', 'd', 'e')), { maxLength: 400 });
  fc.assert(
    fc.property(mails, fc.integer({ min: 1, max: 40 }), (all, capacity) => {
      const given = all.map(([n, tool]) => mail(`t${n}`, tool));
      const mailbox = filled(given, capacity);
      expect(mailbox.length).toBeLessThanOrEqual(capacity);
      const known = [...taskIdsOf(mailbox), ...mailbox.beyond];
      expect(known).toEqual([...new Set(given.map(({ taskId }) => taskId))]);
    }),
  );
});

test('10 000 mails keep their order', () => {
  const ids = Array.from({ length: 10_000 }, (_, n) => `t${n}`);
  const mailbox = filled(
    ids.map((id) => mail(id)),
    10_000,
  );
  expect([taskIdsOf(mailbox), mailbox.beyond]).toEqual([ids, []]);
});
