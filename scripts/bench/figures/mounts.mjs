// A process with many mounted servers behind a port that answers at once, or with real ones that nobody calls.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMountService } from '../../../src/app-mounts.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { createMounts } from '../../../src/mcp/mounts/mounts.ts';
import { createToolRegistry } from '../../../src/mcp/registry.ts';
import { report, setup } from '../figure-process.mjs';
import { wait } from '../statistics.mjs';

const registry = createToolRegistry();
let publications = 0;
const onTools = (group, tools) => {
  registry.publish(group, tools);
  publications += 1;
};
const switches = {
  chosen: () => undefined,
  choose: () => Promise.resolve(),
  retain: () => Promise.resolve(),
};
const shared = { clock: monotonicClock, logger: silentLogger, switches, onTools };

const cpuMs = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};
const heapMb = () => {
  gc();
  return process.memoryUsage().heapUsed / 1e6;
};

/** As a server would send it. */
const listText = (word) =>
  JSON.stringify(
    Array.from({ length: setup.tools }, (_, n) => ({
      name: `tool_number_${n}`,
      description: `${word}: finds what was asked for in the collection and tells the most important of it.`,
      inputSchema: {
        type: 'object',
        properties: {
          query: { type: 'string', description: 'What to look for' },
          limit: { type: 'integer', minimum: 1, maximum: 100, default: 10 },
          kind: { type: 'string', enum: ['new', 'old', 'all'] },
        },
        required: ['query'],
      },
    })),
  );
/** Parsed anew for each. */
const listOf = (word) => JSON.parse(listText(word));

/** The same bytes read, parsed and written again, server by server, and nothing else. */
async function bareCpu() {
  const file = (n) => join(setup.directory, `list${n}.json`);
  const numbers = Array.from({ length: setup.servers }, (_, n) => n);
  await Promise.all(numbers.map((n) => writeFile(file(n), listText('Before'))));
  const start = process.cpuUsage();
  await Promise.all(
    numbers.map(async (n) => {
      const list = JSON.parse(await readFile(file(n), 'utf8'));
      await writeFile(file(n), JSON.stringify(list));
    }),
  );
  return cpuMs(start);
}

async function publishing() {
  const before = heapMb();
  const hooks = [];
  let word = 'Before';
  const mounts = createMounts({
    ...shared,
    definitions: Array.from({ length: setup.servers }, (_, n) => definitionOf(`server${n}`, n)),
    random: Math.random,
    cache: { load: () => Promise.resolve(listOf('Before')), save: () => Promise.resolve() },
    connect: (_target, hook) => {
      hooks.push(hook);
      return Promise.resolve({
        transport: 'stdio',
        server: { name: 'bench', version: '1' },
        listTools: () => Promise.resolve({ tools: listOf(word), faults: [] }),
        close: () => Promise.resolve(),
      });
    },
  });
  let start = process.cpuUsage();
  await mounts.start();
  const cachedCpuMs = cpuMs(start);
  await until(() => hooks.length === setup.servers);
  await wait(100);
  const grownMb = heapMb() - before;
  word = 'After';
  start = process.cpuUsage();
  for (const hook of hooks) hook.onToolsChanged();
  await until(() => publications === 2 * setup.servers);
  const changedCpuMs = cpuMs(start);
  await mounts.close();
  return { cachedCpuMs, changedCpuMs, heapMb: grownMb, bareCpuMs: await bareCpu() };
}

function definitionOf(name, position) {
  return {
    name,
    position,
    target: { type: 'stdio', command: name, args: [], env: {}, cwd: '/' },
    enabled: true,
    start: 'eager',
    startTimeoutMs: 30_000,
    pingIntervalMs: 0,
    trusted: true,
    policy: { audience: 'model', mode: 'sync', handoffMs: 6000, maxResultBytes: 1024, idempotent: false },
    tools: {},
  };
}

async function idling() {
  const program = new URL('../../test/support/chaos-mcp-server.mjs', import.meta.url).pathname;
  const entry = { command: process.execPath, args: [program] };
  const names = Array.from({ length: setup.idleServers }, (_, n) => `server${n}`);
  const service = createMountService({
    ...shared,
    config: { mcpServers: Object.fromEntries(names.map((name) => [name, entry])) },
    baseDirectory: process.cwd(),
    cacheDirectory: setup.directory,
    env: process.env,
    onProblem: (problem) => {
      throw problem;
    },
  });
  await service.start();
  await until(() => service.mounts.statuses().every(({ state }) => state === 'ready'));
  await wait(2000);
  const start = process.cpuUsage();
  await wait(setup.idleMs);
  const idleCpuMs = cpuMs(start);
  await service.close();
  return { idleCpuMs };
}

async function until(isDone) {
  while (!isDone()) await wait(5);
}

report(setup.idleServers > 0 ? await idling() : await publishing());
