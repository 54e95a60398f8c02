import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { readTaskJournal, taskJournalFile } from '../../src/adapters/storage/task-journal.ts';
import { AnnouncementsSchema } from '../../src/config/announcements.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { deliver, emptyMailbox, withdraw } from '../../src/mcp/announcements/mailbox.ts';
import { planAnnouncement } from '../../src/mcp/announcements/plan.ts';
import { foldJournal } from '../../src/mcp/task-record.ts';
import type { TaskJournal } from '../../src/ports/task-journal.ts';
import { closeBenches, heldTool, origin, TaskBench, text, tool } from '../support/task-bench.ts';

afterEach(closeBenches);

const onDisk = async ({ directory }: TaskBench) => foldJournal(await readTaskJournal(directory)).tasks;
const fromHandle = (handle: Promise<unknown>) => handle.catch((error: unknown) => error);

test('a task is on disk as running before anybody hears that it was accepted', async () => {
  const bench = await TaskBench.open();
  const weather = heldTool('weather');
  const { id } = await bench.tasks.accept(weather.tool, { city: '北京' }, origin);
  expect((await onDisk(bench)).get(id)).toEqual({
    id: 't1',
    tool: 'weather',
    state: 'running',
    acceptedAtMs: bench.nowMs,
    args: { city: '北京' },
    channel: 'device',
    runs: 1,
    text: '',
  });
});

test('a result that nobody waits for becomes mail once it is on disk', async () => {
  const bench = await TaskBench.open();
  const id = await bench.finish('weather', 'sunny');
  expect(bench.mail).toEqual([{ taskId: id, outcome: 'done', text: 'sunny' }]);
  expect(bench.tasks.list()).toEqual([
    { id: 't1', tool: 'weather', state: 'done', acceptedAtMs: bench.nowMs, finishedAtMs: bench.nowMs },
  ]);
  bench.tasks.markTold([id, id, 't99']);
  expect(bench.said).toEqual(['told t1']);
  await bench.tasks.stop();
  expect((await onDisk(bench)).get(id)?.deliveredAtMs).toBe(bench.nowMs);
});

test('a result that the caller passed on is no mail', async () => {
  const bench = await TaskBench.open();
  const handle = await bench.tasks.accept(
    tool('sum', async () => text('4')),
    {},
    origin,
  );
  expect(await handle.result).toEqual({ kind: 'done', output: text('4') });
  expect(bench.mail).toEqual([]);
  handle.markDelivered();
  handle.detach();
  expect(bench.mail).toEqual([]);
});

test('who asks for the same joins the running task, and mail comes only when nobody waits any more', async () => {
  const bench = await TaskBench.open();
  const weather = heldTool('weather');
  const first = await bench.tasks.accept(
    weather.tool,
    { city: 'Paris', unit: { c: true, k: false } },
    origin,
  );
  first.detach();
  expect(bench.tasks.findRunning('weather', { city: 'Rome' }, origin)).toBeUndefined();
  const joined = bench.tasks.findRunning('weather', { unit: { k: false, c: true }, city: 'Paris' }, origin);
  expect(joined?.id).toBe(first.id);
  weather.runs[0]?.finish(text('rain'));
  await joined?.result;
  expect(bench.mail).toEqual([]);
  joined?.markDelivered();
  expect(bench.mail).toEqual([]);
  expect(
    bench.tasks.findRunning('weather', { unit: { k: false, c: true }, city: 'Paris' }, origin),
  ).toBeUndefined();
  expect(weather.runs).toHaveLength(1);
});

test('the same call twice in one moment is one task', async () => {
  const bench = await TaskBench.open();
  const weather = heldTool('weather');
  const handles = await Promise.all(
    [1, 2].map(() => bench.tasks.accept(weather.tool, { city: 'Paris' }, origin)),
  );
  expect(handles.map(({ id }) => id)).toEqual(['t1', 't1']);
  expect(weather.runs).toHaveLength(1);
  weather.runs[0]?.finish(text('rain'));
  handles[0]?.markDelivered();
  await handles[0]?.result;
  handles[1]?.detach();
  expect(bench.mail).toHaveLength(1);
});

test('a failed task is told with its reason, a broken tool without its insides', async () => {
  const bench = await TaskBench.open();
  const failing = [
    new ClientError(ErrorCode.toolUnreachable, 'The service does not answer.'),
    new TypeError('x is not a function'),
  ];
  for (const error of failing) {
    const handle = await bench.tasks.accept(
      tool('lamp', () => Promise.reject(error)),
      { error: error.message },
      origin,
    );
    handle.detach();
    await handle.result;
  }
  expect(bench.mail).toEqual([
    { taskId: 't1', outcome: 'failed', text: 'The service does not answer.' },
    {
      taskId: 't2',
      outcome: 'failed',
      text: 'lamp failed because of a fault in this program. The log has the details.',
    },
  ]);
});

test('a cancelled task ends its run, is not announced and not joined', async () => {
  const bench = await TaskBench.open();
  const weather = heldTool('weather');
  const handle = await bench.tasks.accept(weather.tool, {}, origin);
  handle.detach();
  expect(bench.tasks.cancel(handle.id)).toBe(true);
  expect(weather.runs[0]?.signal.aborted).toBe(true);
  expect(bench.tasks.findRunning('weather', {}, origin)).toBeUndefined();
  expect(await handle.result).toEqual({ kind: 'cancelled' });
  expect(bench.states()).toEqual({ t1: 'cancelled' });
  expect(bench.tasks.cancel(handle.id)).toBe(false);
  expect(bench.mail).toEqual([]);
});

test('a run past its time limit is aborted; one that does not listen is given up after the grace period', async () => {
  const bench = await TaskBench.open();
  const obedient = heldTool('obedient', { timeoutMs: 1000 });
  const deaf = tool('deaf', () => new Promise(() => {}), { timeoutMs: 1000 });
  const handles = [
    await bench.tasks.accept(obedient.tool, {}, origin),
    await bench.tasks.accept(deaf, {}, origin),
  ];
  await bench.clock.advanceAsync(999);
  expect(obedient.runs[0]?.signal.aborted).toBe(false);
  await bench.clock.advanceAsync(1);
  expect(await handles[0]?.result).toMatchObject({ kind: 'failed' });
  await bench.clock.advanceAsync(5000);
  expect(await handles[1]?.result).toMatchObject({ kind: 'failed', error: { code: 'TOOL_TIMEOUT' } });
});

test('a reminder may be further away than a timer can hold', async () => {
  const bench = await TaskBench.open();
  const longestNodeCanMs = 2 ** 31 - 1;
  const { setTimeout } = bench.clock;
  bench.clock.setTimeout = (callback, delayMs) => {
    expect(delayMs).toBeLessThanOrEqual(longestNodeCanMs);
    return setTimeout(callback, delayMs);
  };
  const days60 = 60 * 86_400_000;
  const far = heldTool('far', { timeoutMs: days60 });
  await bench.tasks.accept(far.tool, {}, origin);
  bench.clock.advance(days60 - 1);
  expect(far.runs[0]?.signal.aborted).toBe(false);
  bench.clock.advance(1);
  expect(far.runs[0]?.signal.aborted).toBe(true);
});

test('beyond the limit a task is refused in words that can be spoken; reminders do not count', async () => {
  const bench = await TaskBench.open(undefined, { maxRunning: 2 });
  const work = heldTool('work');
  const reminder = heldTool('self.timer.set', { source: 'builtin' });
  for (let n = 0; n < 20; n++) await bench.tasks.accept(reminder.tool, { n }, origin);
  await Promise.all([1, 2].map((n) => bench.tasks.accept(work.tool, { n }, origin)));
  expect(await fromHandle(bench.tasks.accept(work.tool, { n: 3 }, origin))).toMatchObject({
    code: 'TOOL_BUSY',
    message:
      '2 tasks are running already, and no more can be started. Wait for one to finish, or cancel one.',
  });
  work.runs[0]?.finish(text('done'));
  await bench.tasks.findRunning('work', { n: 1 }, origin)?.result;
  expect((await bench.tasks.accept(work.tool, { n: 3 }, origin)).id).toBe('t23');
});

test('arguments too deep or too long to be kept are refused, not crashed on', async () => {
  const bench = await TaskBench.open();
  const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`);
  for (const args of [deep, { long: 'x'.repeat(70_000) }])
    expect(await fromHandle(bench.tasks.accept(heldTool('any').tool, args, origin))).toMatchObject({
      code: 'TOOL_ARGUMENTS_INVALID',
    });
  expect(bench.tasks.list()).toEqual([]);
});

test('a long result is kept up to 50 000 characters, never with half a character', async () => {
  const bench = await TaskBench.open();
  const id = await bench.finish('log', `x${'🎉'.repeat(40_000)}`);
  const task = bench.tasks.get(id);
  expect({ length: task?.text.length, cutFrom: task?.cutFromCharacters, end: task?.text.at(-1) }).toEqual({
    length: 49_999,
    cutFrom: 80_001,
    end: '🎉'.at(-1),
  });
  expect(bench.mail[0]?.text.length).toBe(999);
});

test('after a kill, a finished result is announced once more and, once told, never again', async () => {
  const killed = await TaskBench.open();
  const [told, untold] = [await killed.finish('a', '1'), await killed.finish('b', '2')];
  killed.tasks.markTold([told]);
  await killed.finish('c', '3');

  const second = await killed.restarted();
  expect(second.mail).toEqual([]);
  await second.tasks.resume(() => undefined);
  expect(second.mail).toEqual([
    { taskId: untold, outcome: 'done', text: '2' },
    { taskId: 't3', outcome: 'done', text: '3' },
  ]);
  second.tasks.markTold(['t2', 't3']);
  await second.finish('d', '4');
  expect(second.tasks.list().map(({ id }) => id)).toEqual(['t1', 't2', 't3', 't4']);

  const third = await second.restarted();
  await third.tasks.resume(() => undefined);
  expect(third.mail).toEqual([{ taskId: 't4', outcome: 'done', text: '4' }]);
});

test('after a kill, a running task is reported as interrupted; an idempotent one is run again, but not for ever', async () => {
  const killed = await TaskBench.open();
  const copy = heldTool('copy');
  const timer = heldTool('timer', { idempotent: true });
  await killed.tasks.accept(copy.tool, {}, origin);
  await killed.tasks.accept(timer.tool, { at: 5 }, origin);
  const tools = new Map([copy.tool, timer.tool].map((each) => [each.name, each]));

  const second = await killed.restarted();
  await second.tasks.resume((name) => tools.get(name));
  expect(second.mail).toEqual([{ taskId: 't1', outcome: 'interrupted', text: '' }]);
  expect(second.states()).toEqual({ t1: 'interrupted', t2: 'running' });
  expect([copy.runs.length, timer.runs.length]).toEqual([1, 2]);

  const third = await second.restarted();
  await third.tasks.resume((name) => tools.get(name));
  timer.runs[2]?.finish(text('ring'));
  await third.tasks.findRunning('timer', { at: 5 }, origin)?.result;
  const fourth = await second.restarted();
  expect(fourth.states()).toEqual({ t1: 'interrupted', t2: 'done' });
});

test('a tool that takes the device down each time is given up after three runs', async () => {
  let bench = await TaskBench.open();
  const bomb = heldTool('bomb', { idempotent: true });
  await bench.tasks.accept(bomb.tool, {}, origin);
  for (let start = 0; start < 4; start++) {
    bench = await bench.restarted();
    await bench.tasks.resume(() => bomb.tool);
  }
  expect(bomb.runs).toHaveLength(3);
  expect(bench.states()).toEqual({ t1: 'interrupted' });
});

test('a reminder survives any number of restarts, and clean ones do not count against other tools', async () => {
  let bench = await TaskBench.open();
  const reminder = heldTool('self.timer.ring', { idempotent: true, source: 'builtin' });
  const copy = heldTool('copy', { idempotent: true });
  await bench.tasks.accept(reminder.tool, {}, origin);
  await bench.tasks.accept(copy.tool, {}, origin);
  const tools = new Map([reminder.tool, copy.tool].map((each) => [each.name, each]));
  for (let start = 0; start < 6; start++) {
    await bench.tasks.stop();
    bench = await bench.restarted();
    await bench.tasks.resume((name) => tools.get(name));
  }
  expect(bench.states()).toEqual({ t1: 'running', t2: 'running' });
  for (let start = 0; start < 4; start++) {
    bench = await bench.restarted();
    await bench.tasks.resume((name) => tools.get(name));
  }
  expect(bench.states()).toEqual({ t1: 'running', t2: 'interrupted' });
});

test('at exit all runs end, and what they did counts as unfinished', async () => {
  const bench = await TaskBench.open();
  const timer = heldTool('timer', { idempotent: true });
  const handle = await bench.tasks.accept(timer.tool, {}, origin);
  handle.detach();
  await bench.tasks.stop();
  expect(timer.runs[0]?.signal.aborted).toBe(true);
  expect(await handle.result).toEqual({ kind: 'cancelled' });
  expect(bench.mail).toEqual([]);
  expect(bench.clock.pendingTimers).toBe(0);
  expect(await fromHandle(bench.tasks.accept(timer.tool, {}, origin))).toMatchObject({
    code: 'TOOL_CANCELLED',
  });

  const next = await bench.restarted();
  await next.tasks.resume(() => timer.tool);
  expect(next.states()).toEqual({ t1: 'running' });
});

test('told results go first when there are too many; an untold one that must go is reported', async () => {
  const bench = await TaskBench.open(undefined, { maxKept: 3 });
  await bench.finish('a', '1');
  const told = await bench.finish('b', '2');
  bench.tasks.markTold([told]);
  for (const name of ['c', 'd']) await bench.finish(name, name);
  expect(Object.keys(bench.states())).toEqual(['t1', 't3', 't4']);
  await bench.finish('e', 'e');
  expect(Object.keys(bench.states())).toEqual(['t3', 't4', 't5']);
  expect(bench.said).toEqual(['told t2', 'expired t1']);
  const next = await bench.restarted({ maxKept: 3 });
  await next.tasks.resume(() => undefined);
  expect(next.mail.map(({ taskId }) => taskId)).toEqual(['t3', 't4', 't5']);
  expect(next.said).toEqual([]);
});

test('a result that could not be told in time is given up with an event, also across restarts', async () => {
  const bench = await TaskBench.open(undefined, { expireAfterMs: 3_600_000 });
  await bench.finish('a', '1');
  // Somebody sets the clock: nothing has become older by that.
  bench.nowMs += 10 * 365 * 86_400_000;
  await bench.clock.advanceAsync(1_200_000);
  expect(bench.said).toEqual([]);
  await bench.clock.advanceAsync(3_600_000);
  expect(bench.said).toEqual(['expired t1']);

  await bench.finish('b', '2');
  bench.nowMs += 3_600_001;
  const next = await bench.restarted({ expireAfterMs: 3_600_000 });
  await next.tasks.resume(() => undefined);
  expect(next.said).toEqual(['expired t2']);
  expect(next.mail).toEqual([]);
});

test('an id whose entry was damaged is not given to another task', async () => {
  const bench = await TaskBench.open();
  for (const name of ['a', 'b']) await bench.tasks.accept(heldTool(name).tool, {}, origin);
  await closeBenches();
  const file = taskJournalFile(bench.directory);
  const journal = await readFile(file, 'utf8');
  await writeFile(file, journal.replace('"tool":"b"', '"tool":"x"'));
  const next = await bench.restarted();
  expect(next.said).toEqual(['damaged STATE_DAMAGED']);
  expect(next.states()).toEqual({ t1: 'running' });
  expect((await next.tasks.accept(heldTool('c').tool, {}, origin)).id).toBe('t3');
});

test('a disk that refuses: no new task, the device goes on, and what finished is saved when there is room', async () => {
  let full = false;
  const sometimesFull = (journal: TaskJournal): TaskJournal => ({
    ...journal,
    get sizeBytes() {
      return journal.sizeBytes;
    },
    append: (entries) =>
      full
        ? Promise.reject(new ClientError(ErrorCode.stateUnwritable, 'full', { retryable: true }))
        : journal.append(entries),
  });
  const bench = await TaskBench.open(undefined, {}, sometimesFull);
  const weather = heldTool('weather');
  const handle = await bench.tasks.accept(weather.tool, {}, origin);
  handle.detach();
  full = true;
  expect(await fromHandle(bench.tasks.accept(weather.tool, { n: 2 }, origin))).toMatchObject({
    code: 'STATE_UNWRITABLE',
  });
  weather.runs[0]?.finish(text('sunny'));
  await handle.result;
  expect(bench.mail).toEqual([{ taskId: 't1', outcome: 'done', text: 'sunny' }]);
  expect(bench.said).toEqual(['problem STATE_UNWRITABLE']);
  expect((await onDisk(bench)).get('t1')?.state).toBe('running');
  full = false;
  await bench.clock.advanceAsync(30_000);
  await bench.tasks.stop();
  expect((await onDisk(bench)).get('t1')).toMatchObject({ state: 'done', text: 'sunny' });
  expect([...(await onDisk(bench)).keys()]).toEqual(['t1']);
});

test('a journal that cannot be read: every task is refused, nothing else happens', async () => {
  const first = await TaskBench.open();
  await first.finish('a', '1');
  await first.tasks.stop();
  await rm(first.directory, { recursive: true });
  await writeFile(first.directory, '');
  const bench = await TaskBench.open(`${first.directory}/x`);
  expect(bench.said).toEqual(['problem STATE_UNWRITABLE']);
  expect(await fromHandle(bench.tasks.accept(heldTool('a').tool, {}, origin))).toMatchObject({
    code: 'STATE_UNWRITABLE',
  });
});

test('the journal is rewritten before it grows large, and loses nothing by it', async () => {
  const bench = await TaskBench.open(undefined, { maxKept: 5 });
  for (let n = 0; n < 60; n++)
    bench.tasks.markTold([await bench.finish('log', `${n} ${'x'.repeat(40_000)}`)]);
  const last = await bench.finish('log', 'the last');
  await bench.tasks.stop();
  const entries = await readTaskJournal(bench.directory);
  expect(entries.length).toBeLessThan(80);
  const next = await bench.restarted({ maxKept: 5 });
  await next.tasks.resume(() => undefined);
  expect(next.mail).toEqual([{ taskId: last, outcome: 'done', text: 'the last' }]);
  expect((await next.tasks.accept(heldTool('a').tool, {}, origin)).id).toBe('t62');
});

test('mail that nobody had room for comes again, oldest first, as others are told or given up', async () => {
  const bench = await TaskBench.open();
  for (const name of ['a', 'b', 'c', 'd', 'e']) await bench.finish(name, name);
  bench.tasks.bringAgain(['t3', 't4', 't5', 't99']);
  bench.mail.length = 0;
  bench.tasks.markTold(['t1']);
  expect(bench.mail.map(({ taskId }) => taskId)).toEqual(['t3']);
  bench.tasks.markTold(['t4', 't2']);
  expect(bench.mail.map(({ taskId }) => taskId)).toEqual(['t3', 't5']);
});

test.each(['en', 'zh-CN'] as const)(
  '100 results at once are all told over several notices, and what is marked as told was said (%s)',
  async (language) => {
    const settings = { ...AnnouncementsSchema.parse({}), language };
    let box = emptyMailbox;
    const bench = await TaskBench.open(undefined, {}, undefined, {
      onMail: (mail) => {
        const { mailbox, taken } = deliver(box, mail, settings.mailboxCapacity);
        box = mailbox;
        if (!taken) bench.tasks.bringAgain([mail.taskId]);
      },
    });
    const ids: string[] = [];
    for (let n = 1; n <= 100; n += 1) ids.push(await bench.finish('lamp', `result ${n}`));
    expect(box.length).toBe(32);
    const told: string[] = [];
    for (let notices = 0; notices < 100 && box.length > 0; notices += 1) {
      const plan = planAnnouncement(box, 0, settings, new Date());
      if (plan.kind !== 'send') throw new Error('nothing is told');
      for (const id of plan.notice.taskIds) expect(plan.notice.text).toMatch(`result ${ids.indexOf(id) + 1}`);
      const left = 100 - told.length - plan.notice.taskIds.length;
      if (left > 0) expect(plan.notice.text).toContain(String(left));
      told.push(...plan.notice.taskIds);
      box = withdraw(box, plan.notice.taskIds);
      bench.tasks.markTold(plan.notice.taskIds);
    }
    expect(told).toEqual(ids);
  },
);
