// A process with an access point, a tunnel and a bare echo client, all connected to the server that measures them.

import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createTaskJournal } from '../../../src/adapters/storage/task-journal.ts';
import { createAccessPoints } from '../../../src/app-access-points.ts';
import { ConfigSchema } from '../../../src/config/schema.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { createAccessList } from '../../../src/mcp/access-list.ts';
import { createDispatcher } from '../../../src/mcp/dispatcher.ts';
import { createToolRegistry } from '../../../src/mcp/registry.ts';
import { createResultShelf } from '../../../src/mcp/result-shelf.ts';
import { openTasks } from '../../../src/mcp/tasks.ts';
import { setup } from '../figure-process.mjs';

const { url, directory } = setup;
const nothing = () => {};
const registry = createToolRegistry();
const access = createAccessList();
const tasks = await openTasks({
  journal: createTaskJournal({ directory: join(directory, 'link-calls'), onDamaged: nothing }),
  clock: monotonicClock,
  wallClock: Date.now,
  logger: silentLogger,
  limits: { maxRunning: 8, maxKept: 200, expireAfterMs: 86_400_000 },
  listener: { onMail: nothing, onTold: nothing, onExpired: nothing, onProblem: nothing },
});
registry.publish({ source: 'custom', name: 'bench', position: 0 }, [
  {
    name: 'echo',
    description: 'bench',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    audience: 'model',
    source: 'custom',
    mode: 'sync',
    timeoutMs: 10_000,
    handoffMs: 6000,
    maxResultBytes: 1024,
    idempotent: false,
    run: ({ text }) => Promise.resolve({ kind: 'text', text }),
  },
]);
createAccessPoints({
  config: {
    ...ConfigSchema.parse({}),
    mcpEndpoint: `${url}/access-point`,
    tunnels: [{ url: `${url}/tunnel`, token: 'bench' }],
  },
  registry,
  dispatcher: createDispatcher({
    registry,
    access,
    keeper: tasks,
    shelf: createResultShelf(),
    clock: monotonicClock,
    wallClock: Date.now,
    logger: silentLogger,
    onEvent: nothing,
  }),
  access,
  idle: { isIdle: true, onIdle: () => nothing },
  clock: monotonicClock,
  wallClock: Date.now,
  random: Math.random,
  logger: silentLogger,
  display: { show: nothing },
}).start();

const echo = new WebSocket(`${url}/echo`, { perMessageDeflate: false });
echo.on('message', (data, isBinary) => echo.send(data, { binary: isBinary }));
process.on('disconnect', () => process.exit());
