import { silentLogger } from '../../src/core/logger.ts';
import { createAccessList } from '../../src/mcp/access-list.ts';
import type { TaskMail } from '../../src/mcp/announcements/mail.ts';
import { createDispatcher, type ToolEvent } from '../../src/mcp/dispatcher.ts';
import { createToolRegistry } from '../../src/mcp/registry.ts';
import { createResultShelf } from '../../src/mcp/result-shelf.ts';
import { openTasks } from '../../src/mcp/tasks.ts';
import type { Tool } from '../../src/mcp/tool.ts';
import type { TaskJournal } from '../../src/ports/task-journal.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeTime } from './fake-time.ts';

/** A tool with defaults for tests: configured, sync, answers `done`. */
export function tool(fields: Partial<Tool> & { readonly name: string }): Tool {
  return {
    description: '',
    inputSchema: { type: 'object' },
    audience: 'model',
    source: 'custom',
    mode: 'sync',
    timeoutMs: 60_000,
    handoffMs: 6000,
    maxResultBytes: 1024,
    idempotent: false,
    run: () => Promise.resolve({ kind: 'text', text: 'done' }),
    ...fields,
  };
}

/** A journal whose disk is a list. */
export function memoryJournal(entries: unknown[] = []): TaskJournal & { readonly entries: unknown[] } {
  return {
    entries,
    open: () => Promise.resolve({ entries: [...entries], damaged: 0 }),
    append: (added) => {
      entries.push(...structuredClone(added));
      return Promise.resolve();
    },
    rewrite: (all) => {
      entries.splice(0, entries.length, ...structuredClone(all()));
      return Promise.resolve();
    },
    sizeBytes: 0,
    close: () => Promise.resolve(),
  };
}

/** Dispatcher, registry, real task keeper and what they report. */
export async function mcpParts(tools: readonly Tool[] = [], maxRunning = 8) {
  const clock = new FakeClock();
  const time = new FakeTime(clock);
  const mail: TaskMail[] = [];
  const events: ToolEvent[] = [];
  const registry = createToolRegistry();
  const access = createAccessList();
  const shelf = createResultShelf();
  const journal = memoryJournal();
  const tasks = await openTasks({
    journal,
    clock,
    time,
    logger: silentLogger,
    limits: { maxRunning, maxKept: 200, expireAfterMs: 86_400_000 },
    listener: {
      onMail: (item) => mail.push(item),
      onTold: () => {},
      onExpired: () => {},
      onProblem: () => {},
    },
  });
  registry.publish({ source: 'custom', name: 'test', position: 0 }, tools);
  const dispatcher = createDispatcher({
    registry,
    access,
    keeper: tasks,
    shelf,
    clock,
    time,
    logger: silentLogger,
    onEvent: (event) => events.push(event),
    // The time of a test has no turns.
    nextTurn: () => undefined,
  });
  return {
    clock,
    time,
    wallClock: time.wallMs,
    mail,
    events,
    registry,
    access,
    shelf,
    journal,
    tasks,
    dispatcher,
  };
}
