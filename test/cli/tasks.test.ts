import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireStateLock, type StateLock } from '../../src/adapters/storage/state-lock.ts';
import { watchCancelRequests } from '../../src/adapters/storage/task-cancel-requests.ts';
import { tasksCancelAction, tasksListAction, tasksShowAction } from '../../src/cli/tasks.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { runAction } from '../support/cli-run.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { closeBenches, heldTool, origin, TaskBench, tool } from '../support/task-bench.ts';

let state: string;
let lock: StateLock | undefined;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cli-tasks-'));
});
afterEach(async () => {
  await lock?.release();
  lock = undefined;
  await closeBenches();
});

const device = () => TaskBench.open(join(state, 'tasks'));
const set = () => ({ set: [`paths.state=${state}`] });
const failureOf = (action: Promise<unknown>) => action.catch((error: unknown) => error);

test('list shows all tasks and which are still to be told', async () => {
  const bench = await device();
  bench.tasks.markTold([await bench.finish('weather', 'sunny')]);
  await bench.finish('lamp\u001b[31m', 'on');
  await bench.tasks.accept(heldTool('copy').tool, {}, origin);
  await bench.finish('flush', 'x');
  expect(await runAction(tasksListAction, set(), { HOME: state })).toEqual({
    code: 0,
    stdout: [
      't1     done                    2026-01-01T00:00:00.000Z  weather',
      't2     done, to be told        2026-01-01T00:00:00.000Z  lamp',
      't3     running                 2026-01-01T00:00:00.000Z  copy',
      't4     done, to be told        2026-01-01T00:00:00.000Z  flush',
      '',
    ].join('\n'),
  });
});

test('without tasks, and without a state directory, list says so', async () => {
  const nowhere = { set: [`paths.state=${join(state, 'nowhere')}`] };
  expect(await runAction(tasksListAction, nowhere, { HOME: state })).toEqual({
    code: 0,
    stdout: 'There are no tasks.\n',
  });
});

test('show prints everything of one task, the result as it is', async () => {
  const bench = await device();
  const error = new ClientError(ErrorCode.toolUnreachable, 'The lamp\ndoes not answer.');
  const handle = await bench.tasks.accept(
    tool('lamp', () => Promise.reject(error)),
    { room: '厨房' },
    origin,
  );
  handle.detach();
  await handle.result;
  expect((await runAction(tasksShowAction, { ...set(), id: 't1' }, { HOME: state })).stdout).toBe(
    [
      'task       t1',
      'tool       lamp',
      'status     failed, to be told',
      'asked by   device',
      'arguments  {"room":"厨房"}',
      'accepted   2026-01-01T00:00:00.000Z',
      'finished   2026-01-01T00:00:00.000Z',
      'runs       1',
      '',
      'The lamp',
      'does not answer.',
      '',
    ].join('\n'),
  );
  expect(await failureOf(runAction(tasksShowAction, { ...set(), id: 't9' }, { HOME: state }))).toMatchObject({
    code: 'USAGE_INVALID',
    message: 'There is no task t9. "tasks list" shows those there are.',
  });
});

test('cancel reaches the run in the device that holds the directory', async () => {
  lock = await acquireStateLock(state);
  const bench = await device();
  const copy = heldTool('copy');
  await bench.tasks.accept(copy.tool, {}, origin);
  const watcher = await watchCancelRequests({
    directory: join(state, 'tasks'),
    clock: new FakeClock(),
    onRequest: (id) => bench.tasks.cancel(id),
  });
  const result = await runAction(tasksCancelAction, { ...set(), id: 't1' }, { HOME: state });
  watcher.stop();
  expect(result).toEqual({ code: 0, stdout: 't1 is cancelled.\n' });
  expect(copy.runs[0]?.signal.aborted).toBe(true);
  expect(bench.states()).toEqual({ t1: 'cancelled' });
  expect(
    await failureOf(runAction(tasksCancelAction, { ...set(), id: 't1' }, { HOME: state })),
  ).toMatchObject({
    code: 'USAGE_INVALID',
    message: 't1 does not run: it is cancelled. Only a running task can be cancelled.',
  });
});

test('without a device, cancel keeps the next start from telling it or running it again', async () => {
  const killed = await device();
  const timer = heldTool('timer', { idempotent: true });
  await killed.tasks.accept(timer.tool, {}, origin);
  await closeBenches();
  expect((await runAction(tasksCancelAction, { ...set(), id: 't1' }, { HOME: state })).stdout).toBe(
    't1 is cancelled.\n',
  );
  const next = await device();
  await next.tasks.resume(() => timer.tool);
  expect([next.states(), next.mail, timer.runs.length]).toEqual([{ t1: 'cancelled' }, [], 1]);
});
