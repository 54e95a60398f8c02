import { describe, expect, it, vi } from 'vitest';
import { ClientError } from '../../src/core/errors.ts';
import { Caller } from '../../src/mcp/caller.ts';
import type { CallReply } from '../../src/mcp/dispatcher.ts';
import { foldJournal } from '../../src/mcp/task-record.ts';
import type { ToolOutput, ToolRunContext } from '../../src/mcp/tool.ts';
import { settle } from '../support/fake-clock.ts';
import { mcpParts, tool } from '../support/mcp-parts.ts';

const device = { channel: 'device' };

/** A tool whose runs end when the test says so. */
function manual(fields: Partial<Parameters<typeof tool>[0]> = {}) {
  const runs: { finish(text: string): void; fail(error: Error): void; readonly signal: AbortSignal }[] = [];
  const run = (_args: object, { signal }: ToolRunContext) =>
    new Promise<ToolOutput>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      runs.push({ finish: (text) => resolve({ kind: 'text', text }), fail: reject, signal });
    });
  return { runs, tool: tool({ name: 'job', ...fields, run }) };
}

const textOf = (reply: CallReply | undefined) =>
  reply?.kind === 'content' && reply.content[0]?.type === 'text' ? reply.content[0].text : reply;
const running = (task: string) => `{"status":"running","task_id":"${task}"}`;
const started = (task: string) => `{"status":"started","task_id":"${task}"}`;

/** The reply as far as it has come. */
function pending(promise: Promise<CallReply>) {
  const seen: { reply?: CallReply } = {};
  void promise.then((reply) => {
    seen.reply = reply;
  });
  return seen;
}

async function until(condition: () => boolean) {
  await vi.waitFor(() => expect(condition()).toBe(true));
}

describe('a call', () => {
  it('answers with the result and reports its phases', async () => {
    const { dispatcher, events } = await mcpParts([tool({ name: 'a' })]);
    expect(textOf(await dispatcher.call('a', {}, device))).toBe('done');
    const common = { type: 'tool', name: 'a', mode: 'sync', channel: 'device' };
    expect(events).toEqual([
      { ...common, phase: 'called' },
      { ...common, phase: 'completed', ms: 0 },
      { ...common, phase: 'replied', ms: 0 },
    ]);
  });

  it('of a tool that is unknown or denied is refused in the same words', async () => {
    const { dispatcher, access, events } = await mcpParts([tool({ name: 'a' })]);
    access.replace({ allow: ['*'], deny: ['a'] });
    for (const name of ['a', 'b'])
      expect(await dispatcher.call(name, {}, device)).toMatchObject({
        kind: 'failure',
        error: { code: 'TOOL_UNKNOWN', message: `Unknown tool: ${name}` },
      });
    const refused = { type: 'tool', phase: 'failed', mode: 'sync', channel: 'device', ms: 0 };
    expect(events).toEqual([
      { ...refused, name: 'a' },
      { ...refused, name: 'b' },
    ]);
  });

  it('whose tool throws, rejects or gives up is a failure that can be spoken', async () => {
    const { dispatcher } = await mcpParts([
      tool({
        name: 'throws',
        run: () => {
          throw new TypeError('secret detail');
        },
      }),
      tool({ name: 'rejects', run: () => Promise.reject(new ClientError('TOOL_FAILED', 'No such city.')) }),
    ]);
    expect(await dispatcher.call('throws', {}, device)).toMatchObject({
      kind: 'failure',
      error: { code: 'TOOL_FAILED', message: expect.not.stringContaining('secret') },
    });
    expect(await dispatcher.call('rejects', {}, device)).toMatchObject({
      kind: 'failure',
      error: { message: 'No such city.' },
    });
  });

  it('begins when one of the sixteen that work has ended or was handed over', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock } = await mcpParts([job.tool]);
    const calls = Array.from({ length: 18 }, (_, i) => pending(dispatcher.call('job', { i }, device)));
    await settle();
    expect(job.runs.length).toBe(16);
    job.runs[3]?.finish('early');
    await until(() => job.runs.length === 17);
    await clock.advanceAsync(6000);
    await until(() => job.runs.length === 18);
    expect(textOf(calls[0]?.reply)).toBe(running('t1'));
  });

  it('of a tool that is busy keeps no place from the calls of others', async () => {
    const job = manual();
    const { dispatcher } = await mcpParts([job.tool, tool({ name: 'other' })]);
    for (let i = 0; i < 40; i++) void dispatcher.call('job', { i }, device);
    expect(textOf(await dispatcher.call('other', {}, device))).toBe('done');
    expect(job.runs.length).toBe(1);
  });

  it('is refused when too many wait, and accepted again afterwards', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher } = await mcpParts([job.tool]);
    const calls = Array.from({ length: 256 }, (_, i) => dispatcher.call('job', { i }, device));
    await settle();
    expect(await dispatcher.call('job', {}, device)).toMatchObject({
      error: { code: 'TOOL_BUSY', retryable: true },
    });
    for (let n = 0; n < calls.length; n++) {
      await until(() => job.runs.length > n);
      job.runs[n]?.finish('ok');
    }
    await Promise.all(calls);
    const next = pending(dispatcher.call('job', {}, device));
    await settle();
    job.runs.at(-1)?.finish('again');
    await until(() => next.reply !== undefined);
    expect(textOf(next.reply)).toBe('again');
  });

  it('with a result that is too long points to the rest', async () => {
    const run = () => Promise.resolve({ kind: 'text', text: 'x'.repeat(5000) } as const);
    const { dispatcher, shelf } = await mcpParts([tool({ name: 'long', run })]);
    const text = textOf(await dispatcher.call('long', {}, device)) as string;
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
    expect(text).toContain('self.tasks.read {"task_id":"r1"');
    expect(shelf.get('r1')?.text).toHaveLength(5000);
  });

  it('with a result that is too long points nowhere on a channel that may not read there', async () => {
    const run = () => Promise.resolve({ kind: 'text', text: 'x'.repeat(5000) } as const);
    const { dispatcher, shelf } = await mcpParts([tool({ name: 'long', run })]);
    const reply = await dispatcher.call('long', {}, { ...device, permits: (name) => name === 'long' });
    expect(textOf(reply)).toMatch(/^x+…$/);
    expect(shelf.get('r1')).toBe(undefined);
  });
});

describe('sync', () => {
  it('runs calls of one tool one after the other and different tools side by side', async () => {
    const [a, b] = [manual({ name: 'a' }), manual({ name: 'b' })];
    const { dispatcher } = await mcpParts([a.tool, b.tool]);
    const first = pending(dispatcher.call('a', {}, device));
    const second = pending(dispatcher.call('a', {}, device));
    void dispatcher.call('b', {}, device);
    await settle();
    expect([a.runs.length, b.runs.length]).toEqual([1, 1]);
    a.runs[0]?.finish('one');
    await until(() => a.runs.length === 2);
    a.runs[1]?.finish('two');
    await until(() => second.reply !== undefined);
    expect([textOf(first.reply), textOf(second.reply)]).toEqual(['one', 'two']);
  });

  it('is stopped at its deadline and says so', async () => {
    const job = manual({ timeoutMs: 8000 });
    const { dispatcher, clock, events } = await mcpParts([job.tool]);
    const call = pending(dispatcher.call('job', {}, device));
    await clock.advanceAsync(8000);
    await until(() => call.reply !== undefined);
    expect(job.runs[0]?.signal.aborted).toBe(true);
    expect(call.reply).toMatchObject({ kind: 'failure', error: { code: 'TOOL_TIMEOUT' } });
    expect(events.map(({ phase }) => phase)).toEqual(['called', 'failed', 'replied']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('that outlives the patience of the server is handed over before an answer would be misread', async () => {
    const job = manual();
    const { dispatcher, clock, mail, events } = await mcpParts([job.tool]);
    const call = pending(dispatcher.call('job', {}, { ...device, replyWithinMs: 29_000 }));
    await clock.advanceAsync(29_000);
    await until(() => call.reply !== undefined);
    expect(textOf(call.reply)).toBe(running('t1'));
    job.runs[0]?.finish('late');
    await until(() => mail.length === 1);
    expect(mail).toEqual([{ taskId: 't1', tool: 'job', outcome: 'done', text: 'late' }]);
    expect(events.map(({ phase, task }) => [phase, task])).toEqual([
      ['called', undefined],
      ['handed-over', 't1'],
      ['replied', undefined],
      ['completed', 't1'],
    ]);
  });

  it('whose channel is gone answers nobody; its result becomes mail', async () => {
    const job = manual();
    const { dispatcher, mail } = await mcpParts([job.tool]);
    const caller = new Caller();
    const call = pending(dispatcher.call('job', {}, { ...device, caller }));
    await settle();
    caller.end('gone');
    await until(() => call.reply !== undefined);
    job.runs[0]?.finish('found it');
    await until(() => mail.length === 1);
    expect(call.reply).toEqual({ kind: 'nobody' });
    expect(mail[0]).toMatchObject({ tool: 'job', text: 'found it' });
  });

  it('whose reply is lost on the way becomes mail too', async () => {
    const { dispatcher, mail } = await mcpParts([tool({ name: 'a' })]);
    const reply = await dispatcher.call('a', {}, device);
    if (reply.kind === 'content') reply.lost();
    await until(() => mail.length === 1);
    expect(mail).toEqual([{ taskId: 't1', tool: 'a', outcome: 'done', text: 'done' }]);
  });

  it('that the server takes back is stopped, also before its turn', async () => {
    const job = manual();
    const { dispatcher, events } = await mcpParts([job.tool]);
    const [first, second] = [new Caller(), new Caller()];
    const calls = [first, second].map((caller) => dispatcher.call('job', {}, { ...device, caller }));
    await settle();
    second.end('cancelled');
    first.end('cancelled');
    expect(await Promise.all(calls)).toEqual([{ kind: 'nobody' }, { kind: 'nobody' }]);
    await until(() => events.filter(({ phase }) => phase === 'cancelled').length === 2);
    expect(job.runs).toHaveLength(1);
    expect(job.runs[0]?.signal.aborted).toBe(true);
  });
});

describe('sync calls that wait for their turn', () => {
  /** Runs of 19 s each, as long as the tool is not told to stop. */
  async function napping(calls: number, fields: Partial<Parameters<typeof tool>[0]> = {}) {
    const job = manual({ timeoutMs: 20_000, ...fields });
    const parts = await mcpParts([job.tool]);
    const access = { channel: 'access-point', replyWithinMs: 25_000 };
    const replies = Array.from({ length: calls }, (_, n) =>
      pending(parts.dispatcher.call('job', fields.inputSchema ? {} : { n }, access)),
    );
    await settle();
    const nap = async () => {
      await parts.clock.advanceAsync(6000);
      await parts.clock.advanceAsync(13_000);
      job.runs.findLast(({ signal }) => !signal.aborted)?.finish('slept');
      await settle();
    };
    return { ...parts, job, replies, nap };
  }

  it('have their time limit from their own beginning, also when they became tasks long before it', async () => {
    const { replies, mail, nap, job } = await napping(3);
    for (let n = 0; n < 3; n += 1) await nap();
    await until(() => mail.length === 2);
    expect(textOf(replies[0]?.reply)).toBe('slept');
    expect(replies.slice(1).map(({ reply }) => textOf(reply))).toEqual([running('t1'), running('t2')]);
    expect(mail.map(({ outcome, text }) => [outcome, text])).toEqual([
      ['done', 'slept'],
      ['done', 'slept'],
    ]);
    expect(job.runs.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  });

  it('of the same words are each a task of their own; those that are refused never begin', async () => {
    const { replies, mail, nap, job, tasks } = await napping(40, { inputSchema: { type: 'object' } });
    for (let n = 0; n < 12; n += 1) await nap();
    await until(() => mail.length === 8);
    expect(tasks.list().map(({ state }) => state)).toEqual(Array(8).fill('done'));
    expect(job.runs).toHaveLength(9);
    const refused = replies.filter(({ reply }) => reply?.kind === 'failure');
    expect(refused).toHaveLength(31);
    expect(refused[0]?.reply).toMatchObject({ error: { code: 'TOOL_BUSY' } });
  });

  it('end with their task, whichever is ended', async () => {
    const { tasks, nap, job, clock } = await napping(3);
    await nap();
    await clock.advanceAsync(6000);
    await until(() => tasks.list().length === 2);
    expect([tasks.cancel('t1'), tasks.cancel('t2')]).toEqual([true, true]);
    await until(() => tasks.list().every(({ state }) => state === 'cancelled'));
    await nap();
    expect(job.runs.map(({ signal }) => signal.aborted)).toEqual([false, true]);
  });

  it('do not wait where the tool says that it can do several', async () => {
    const { job } = await napping(5, { parallel: true });
    expect(job.runs).toHaveLength(5);
  });
});

describe('a channel whose results are not announced here', () => {
  const shared = { channel: 'access-point', announce: false, replyWithinMs: 25_000 };

  it('has them kept to be read, and handed out to the same call', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, tasks, mail } = await mcpParts([job.tool]);
    void dispatcher.call('job', {}, shared);
    await clock.advanceAsync(6000);
    await until(() => tasks.list().length === 1);
    job.runs[0]?.finish('found');
    await until(() => tasks.get('t1')?.state === 'done');
    await settle();
    expect([mail, tasks.read('t1', 0, 100)?.text]).toEqual([[], 'found']);
    expect(textOf(await dispatcher.call('job', {}, shared))).toBe('found');
  });

  it('stays silent for background tools, lost replies and a channel that is gone', async () => {
    const job = manual({ mode: 'background' });
    const { dispatcher, tasks, mail } = await mcpParts([job.tool, tool({ name: 'quick' })]);
    await dispatcher.call('job', {}, shared);
    job.runs[0]?.finish('one');
    const reply = await dispatcher.call('quick', {}, shared);
    if (reply.kind === 'content') reply.lost();
    await until(() => tasks.list().filter(({ state }) => state === 'done').length === 2);
    await settle();
    expect(mail).toEqual([]);
  });

  it('does not silence who asks for the same on a channel that is heard', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, tasks, mail } = await mcpParts([job.tool]);
    void dispatcher.call('job', {}, shared);
    await clock.advanceAsync(6000);
    await until(() => tasks.list().length === 1);
    void dispatcher.call('job', {}, device);
    await clock.advanceAsync(6000);
    job.runs[0]?.finish('found');
    await until(() => mail.length === 1);
    expect(mail).toMatchObject([{ taskId: 't1', text: 'found' }]);
  });

  it('is kept silent after a restart', async () => {
    const job = manual({ mode: 'background' });
    const { dispatcher, journal, mail } = await mcpParts([job.tool]);
    await dispatcher.call('job', {}, shared);
    job.runs[0]?.finish('found');
    await until(() => foldJournal(journal.entries).tasks.get('t1')?.state === 'done');
    expect([mail, foldJournal(journal.entries).tasks.get('t1')?.announce]).toEqual([[], false]);
  });
});

describe('async', () => {
  it('answers with the result when it comes in time, without a task', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, tasks } = await mcpParts([job.tool]);
    const call = pending(dispatcher.call('job', {}, device));
    await settle();
    job.runs[0]?.finish('quick');
    await until(() => call.reply !== undefined);
    expect(textOf(call.reply)).toBe('quick');
    expect(tasks.list()).toEqual([]);
  });

  it('is handed over when it takes longer, and its result becomes mail', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, mail, journal } = await mcpParts([job.tool]);
    const call = pending(dispatcher.call('job', { n: 1 }, device));
    await clock.advanceAsync(6000);
    await until(() => call.reply !== undefined);
    expect(textOf(call.reply)).toBe(running('t1'));
    expect(journal.entries).toMatchObject([
      { task: { id: 't1', tool: 'job', args: { n: 1 }, channel: 'device' } },
    ]);
    job.runs[0]?.finish('at last');
    await until(() => mail.length === 1);
    expect(mail).toEqual([{ taskId: 't1', tool: 'job', outcome: 'done', text: 'at last' }]);
  });

  it('lets the same call join the run, whether it is a task yet or not', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, mail } = await mcpParts([job.tool]);
    const first = pending(dispatcher.call('job', { a: 1, b: 2 }, device));
    await clock.advanceAsync(3000);
    const second = pending(dispatcher.call('job', { b: 2, a: 1 }, device));
    await clock.advanceAsync(3000);
    await until(() => first.reply !== undefined);
    const third = pending(dispatcher.call('job', { a: 1, b: 2 }, device));
    await clock.advanceAsync(1000);
    job.runs[0]?.finish('once');
    await until(() => second.reply !== undefined && third.reply !== undefined);
    expect([first, second, third].map(({ reply }) => textOf(reply))).toEqual([running('t1'), 'once', 'once']);
    expect(job.runs).toHaveLength(1);
    expect(mail).toEqual([]);
  });

  it('hands a finished result out once to the same call, and then runs again', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, mail, tasks } = await mcpParts([job.tool]);
    void dispatcher.call('job', { n: 1 }, device);
    await clock.advanceAsync(6000);
    await until(() => tasks.list().length === 1);
    job.runs[0]?.finish('first');
    await until(() => mail.length === 1);
    expect(textOf(await dispatcher.call('job', { n: 1 }, device))).toBe('first');
    expect(tasks.get('t1')?.deliveredAtMs).toBeDefined();
    void dispatcher.call('job', { n: 1 }, device);
    await until(() => job.runs.length === 2);
  });

  it('never hands out what is older than a minute', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, mail, tasks } = await mcpParts([job.tool]);
    void dispatcher.call('job', {}, device);
    await clock.advanceAsync(6000);
    await until(() => tasks.list().length === 1);
    job.runs[0]?.finish('old');
    await until(() => mail.length === 1);
    await clock.advanceAsync(61_000);
    void dispatcher.call('job', {}, device);
    await until(() => job.runs.length === 2);
  });

  it('goes on for the others when one of the callers takes its call back', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher } = await mcpParts([job.tool]);
    const caller = new Caller();
    const first = dispatcher.call('job', {}, { ...device, caller });
    const second = pending(dispatcher.call('job', {}, device));
    await settle();
    caller.end('cancelled');
    expect(await first).toEqual({ kind: 'nobody' });
    job.runs[0]?.finish('still here');
    await until(() => second.reply !== undefined);
    expect(textOf(second.reply)).toBe('still here');
  });

  it('is refused and stopped when no more tasks can be kept', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock } = await mcpParts([job.tool], 1);
    const calls = [1, 2].map((n) => pending(dispatcher.call('job', { n }, device)));
    await clock.advanceAsync(6000);
    await until(() => calls.every(({ reply }) => reply !== undefined));
    expect(textOf(calls[0]?.reply)).toBe(running('t1'));
    expect(calls[1]?.reply).toMatchObject({ kind: 'failure', error: { code: 'TOOL_BUSY' } });
    expect(job.runs.map(({ signal }) => signal.aborted)).toEqual([false, true]);
  });

  it('that was handed over can still be cancelled as a task', async () => {
    const job = manual({ mode: 'async' });
    const { dispatcher, clock, tasks, mail, events } = await mcpParts([job.tool]);
    void dispatcher.call('job', {}, device);
    await clock.advanceAsync(6000);
    await until(() => tasks.list().length === 1 && tasks.cancel('t1'));
    await until(() => events.some(({ phase, task }) => phase === 'cancelled' && task === 't1'));
    expect(job.runs[0]?.signal.aborted).toBe(true);
    expect(mail).toEqual([]);
  });
});

describe('background', () => {
  it('says started only when the task is on disk, and announces the result', async () => {
    const job = manual({ mode: 'background' });
    const { dispatcher, journal, mail, events } = await mcpParts([job.tool]);
    let write = () => {};
    const append = journal.append;
    journal.append = (entries) =>
      new Promise((resolve) => {
        write = () => resolve(append(entries));
      });
    const call = pending(dispatcher.call('job', {}, device));
    await settle();
    expect([call.reply, job.runs.length]).toEqual([undefined, 0]);
    journal.append = append;
    write();
    await until(() => call.reply !== undefined);
    expect(textOf(call.reply)).toBe(started('t1'));
    job.runs[0]?.fail(new ClientError('TOOL_FAILED', 'No paper.'));
    await until(() => mail.length === 1);
    expect(mail).toEqual([{ taskId: 't1', tool: 'job', outcome: 'failed', text: 'No paper.' }]);
    expect(events.map(({ phase, task }) => [phase, task])).toEqual([
      ['called', undefined],
      ['replied', undefined],
      ['failed', 't1'],
    ]);
  });

  it('does not start the same job twice while it runs', async () => {
    const job = manual({ mode: 'background' });
    const { dispatcher, mail } = await mcpParts([job.tool]);
    expect(textOf(await dispatcher.call('job', { n: 1 }, device))).toBe(started('t1'));
    expect(textOf(await dispatcher.call('job', { n: 1 }, device))).toBe(running('t1'));
    expect(textOf(await dispatcher.call('job', { n: 2 }, device))).toBe(started('t2'));
    job.runs[0]?.finish('a');
    await until(() => mail.length === 1);
  });
});

it('ends what runs when it is closed and refuses the rest', async () => {
  const job = manual();
  const { dispatcher } = await mcpParts([job.tool]);
  const calls = [dispatcher.call('job', {}, device), dispatcher.call('job', {}, device)];
  await settle();
  await dispatcher.close();
  expect(await Promise.all(calls)).toMatchObject([
    { kind: 'failure', error: { code: 'TOOL_CANCELLED' } },
    { kind: 'failure', error: { code: 'TOOL_CANCELLED' } },
  ]);
  expect(await dispatcher.call('job', {}, device)).toMatchObject({ kind: 'failure' });
  expect(job.runs).toHaveLength(1);
});

it('leaves what was handed over to the keeper of tasks, so that a restart can go on with it', async () => {
  const job = manual({ mode: 'async', idempotent: true });
  const { dispatcher, clock, tasks, mail } = await mcpParts([job.tool]);
  void dispatcher.call('job', {}, device);
  await clock.advanceAsync(6000);
  await until(() => tasks.list().length === 1);
  await dispatcher.close();
  expect(job.runs[0]?.signal.aborted).toBe(false);
  await tasks.stop();
  expect(job.runs[0]?.signal.aborted).toBe(true);
  expect(tasks.get('t1')?.state).toBe('running');
  expect(mail).toEqual([]);
});
