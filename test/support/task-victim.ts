import { createTaskJournal, readTaskJournal } from '../../src/adapters/storage/task-journal.ts';
import { createSystemTime } from '../../src/adapters/system/system-time.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { foldJournal } from '../../src/mcp/task-record.ts';
import { openTasks } from '../../src/mcp/tasks.ts';
import { text, tool } from './task-bench.ts';

/** A device that accepts, finishes and tells tasks as fast as it can, says so, and waits to be killed. */
const directory = process.argv[2] as string;
const say = (line: string) => process.stdout.write(`${line}\n`);
const untold: string[] = [];

const tasks = await openTasks({
  journal: createTaskJournal({ directory, onDamaged: ({ message }) => process.stderr.write(`${message}\n`) }),
  clock: monotonicClock,
  time: createSystemTime(),
  logger: silentLogger,
  limits: { maxRunning: 8, maxKept: 10_000, expireAfterMs: 3_600_000_000 },
  listener: {
    onMail: ({ taskId }) => {
      say(`mail ${taskId}`);
      untold.push(taskId);
    },
    onTold: () => {},
    onExpired: () => {},
    onProblem: ({ message }) => process.stderr.write(`${message}\n`),
  },
});
await tasks.resume(() => undefined);

/** Says that a task was told only when the disk knows it. */
async function tell(): Promise<void> {
  const ids = untold.splice(0, 3);
  tasks.markTold(ids);
  for (;;) {
    const { tasks: onDisk } = foldJournal(await readTaskJournal(directory));
    if (ids.every((id) => onDisk.get(id)?.deliveredAtMs !== undefined)) break;
  }
  for (const id of ids) say(`told ${id}`);
}

for (let n = 0; ; n++) {
  const work = tool(n % 3 === 0 ? 'slow' : 'quick', async () => {
    if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    return text('x'.repeat(n % 5 === 0 ? 20_000 : 20));
  });
  const handle = await tasks.accept(work, { n }, { channel: 'device' });
  say(`accepted ${handle.id}`);
  handle.detach();
  await handle.result;
  if (n % 4 === 3) await tell();
}
