// Calls of configured tools against the bare work they do, and calls with few and with many tools registered.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createTaskJournal } from '../../../src/adapters/storage/task-journal.ts';
import { createConfiguredTools } from '../../../src/adapters/tools/configured-tools.ts';
import { parseToolsConfig } from '../../../src/config/tools.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { createAccessList } from '../../../src/mcp/access-list.ts';
import { createDispatcher } from '../../../src/mcp/dispatcher.ts';
import { createToolRegistry } from '../../../src/mcp/registry.ts';
import { createResultShelf } from '../../../src/mcp/result-shelf.ts';
import { createChannelServer } from '../../../src/mcp/server.ts';
import { openTasks } from '../../../src/mcp/tasks.ts';
import { report, setup } from '../figure-process.mjs';
import { median } from '../statistics.mjs';

const { rounds, directory, url, program } = setup;
const nothing = () => {};
const tasks = await openTasks({
  journal: createTaskJournal({ directory: join(directory, 'tool-calls'), onDamaged: nothing }),
  clock: monotonicClock,
  wallClock: Date.now,
  logger: silentLogger,
  limits: { maxRunning: 8, maxKept: 200, expireAfterMs: 86_400_000 },
  listener: { onMail: nothing, onTold: nothing, onExpired: nothing, onProblem: nothing },
});
const registry = createToolRegistry();
const access = createAccessList();
const dispatcher = createDispatcher({
  registry,
  access,
  keeper: tasks,
  shelf: createResultShelf(),
  clock: monotonicClock,
  wallClock: Date.now,
  logger: silentLogger,
  onEvent: nothing,
});
let onReply = nothing;
const channel = createChannelServer({
  registry,
  access,
  dispatcher,
  name: 'bench',
  version: '0',
  channel: 'device',
  logger: silentLogger,
  replyWithinMs: 29_000,
  send: (payload) => {
    onReply(payload);
    return true;
  },
});

let id = 0;
const call = (name, args) =>
  new Promise((resolve, reject) => {
    id += 1;
    onReply = ({ error, result }) =>
      error ? reject(new Error(error.message)) : resolve(result.content[0].text);
    const params = { name, arguments: args };
    channel.receive({ jsonrpc: '2.0', id, method: 'tools/call', params });
  });

async function timed(count, work) {
  const times = [];
  for (let n = 0; n < count; n++) {
    const startMs = performance.now();
    await work();
    times.push(performance.now() - startMs);
  }
  return median(times);
}

const args = { text: 'hello' };

async function bareSpawn() {
  const child = spawn(program, [], { stdio: 'pipe' });
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stdin.end(JSON.stringify(args));
  await once(child, 'close');
  return Buffer.concat(chunks).toString();
}

const bareFetch = async () => (await fetch(`${url}?text=hello`)).text();

const configured = createConfiguredTools({
  clock: monotonicClock,
  logger: silentLogger,
  env: process.env,
  baseDirectory: directory,
});
const { tools } = parseToolsConfig({
  tools: [
    { name: 'program', description: 'bench', executable: program },
    { name: 'service', description: 'bench', type: 'http', method: 'GET', url },
  ],
});
const group = { source: 'custom', name: 'configuration', position: 0 };
registry.publish(group, configured.update(tools));

const instant = (n) => ({
  name: `tool_${n}`,
  description: 'bench',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  audience: 'model',
  source: 'mounted',
  mode: 'sync',
  timeoutMs: 10_000,
  handoffMs: 6000,
  maxResultBytes: 1024,
  idempotent: false,
  run: () => Promise.resolve({ kind: 'text', text: 'done' }),
});
const many = { source: 'mounted', name: 'many', position: 1 };
const withTools = (count) => {
  registry.publish(
    many,
    Array.from({ length: count }, (_, n) => instant(n)),
  );
  return () => call('tool_3', args);
};

const measured = { program: [], spawn: [], service: [], fetch: [], ten: [], thousand: [] };
const alternate = async (into, against, count, tool, bare) => {
  await timed(count, tool);
  await timed(count, bare);
  for (let round = 0; round < rounds; round++) {
    measured[against].push(await timed(count, bare));
    measured[into].push(await timed(count, tool));
  }
};
await alternate('program', 'spawn', 40, () => call('program', args), bareSpawn);
await alternate('service', 'fetch', 300, () => call('service', args), bareFetch);
for (let round = 0; round < rounds; round++) {
  measured.ten.push(await timed(5000, withTools(10)));
  measured.thousand.push(await timed(5000, withTools(1000)));
}
await configured.dispose();
await tasks.stop();
report(measured);
