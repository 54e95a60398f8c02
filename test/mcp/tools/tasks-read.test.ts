import { expect, it } from 'vitest';
import { silentLogger } from '../../../src/core/logger.ts';
import { createResultShelf } from '../../../src/mcp/result-shelf.ts';
import type { TaskRecord } from '../../../src/mcp/task-record.ts';
import { pageOf } from '../../../src/mcp/task-text.ts';
import { createTaskTools } from '../../../src/mcp/tools/tasks.ts';

it('self.tasks.read tells at the end how many characters of a result were not kept', async () => {
  const record: TaskRecord = {
    id: 't1',
    tool: 'job',
    state: 'done',
    acceptedAtMs: 0,
    args: {},
    channel: 'device',
    runs: 1,
    text: 'x'.repeat(1000),
    cutFromCharacters: 1234,
  };
  const tasks = {
    list: () => [],
    get: () => record,
    read: (_id: string, offset: number, maxBytes: number) => pageOf(record.text, offset, maxBytes),
    cancel: () => false,
    markTold: () => {},
    bringAgain: () => {},
  };
  const read = createTaskTools({ tasks, shelf: createResultShelf() }).find(
    ({ name }) => name === 'self.tasks.read',
  );
  const context = { signal: new AbortController().signal, deadlineMs: 1000, log: silentLogger };
  const at = (offset: number) => read?.run({ task_id: 't1', offset }, context);
  expect(await at(0)).not.toHaveProperty('value.not_kept');
  expect(await at(900)).toEqual({
    kind: 'json',
    value: { task_id: 't1', state: 'done', text: 'x'.repeat(100), not_kept: 234 },
  });
});
