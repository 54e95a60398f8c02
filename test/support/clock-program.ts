import { createInterface } from 'node:readline';
import { createTaskJournal } from '../../src/adapters/storage/task-journal.ts';
import { createSystemTime } from '../../src/adapters/system/system-time.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { openTasks } from '../../src/mcp/tasks.ts';
import { createTimerTools } from '../../src/mcp/tools/timer.ts';
import { createTimerRing, timerRingName } from '../../src/mcp/tools/timer-ring.ts';
import { text, tool } from './task-bench.ts';

/**
 * The tasks and timers of a device on the real clock, for tests that set it. Says `mail ID` and `expired ID`; a line on its
 * standard input is a command, answered with one line of JSON: `date`, `finish`, `tried ID`, `set {...}`, `list`, `stop`.
 */
const directory = process.argv[2] as string;
const say = (line: string) => process.stdout.write(`${line}\n`);
const clocks = { clock: monotonicClock, time: createSystemTime() };

const tasks = await openTasks({
  ...clocks,
  journal: createTaskJournal({ directory, onDamaged: ({ message }) => process.stderr.write(`${message}\n`) }),
  logger: silentLogger,
  limits: { maxRunning: 8, maxKept: 200, expireAfterMs: 72 * 3_600_000 },
  listener: {
    onMail: ({ taskId, text: told }) => say(`mail ${taskId} ${told}`),
    onTold: () => {},
    onExpired: ({ id }) => say(`expired ${id}`),
    onProblem: ({ message }) => process.stderr.write(`${message}\n`),
  },
});
const ring = createTimerRing(clocks);
const tools = createTimerTools({ ...clocks, tasks, ring, channel: 'device' });
await tasks.resume((name) => (name === timerRingName ? ring : undefined));

const call = (name: string, args: object) =>
  tools
    .find((one) => one.name === name)
    ?.run(
      { name: 'timer', seconds: 0, at: '', message: '', ...args },
      {
        signal: new AbortController().signal,
        deadlineMs: 0,
        log: silentLogger,
      },
    );

const commands: Record<string, (rest: string) => unknown> = {
  date: () => new Date(clocks.time.wallMs()).getFullYear(),
  finish: async () => {
    const handle = await tasks.accept(
      tool('laundry', async () => text('dry')),
      {},
      { channel: 'device' },
    );
    handle.detach();
    return await handle.result;
  },
  tried: (id) => tasks.markTried([id]),
  set: (args) => call('self.timer.set', JSON.parse(args)),
  list: () => call('self.timer.list', {}),
  stop: () => tasks.stop(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', ...rest] = line.split(' ');
  say(JSON.stringify((await commands[name]?.(rest.join(' '))) ?? null));
  if (name === 'stop') process.exit(0);
}
