import { describe, expect, it } from 'vitest';
import type { ClientError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { openMountSwitches } from '../../../src/mcp/mounts/mount-switches.ts';
import { createMounts, type Mounts } from '../../../src/mcp/mounts/mounts.ts';
import { createToolListCache } from '../../../src/mcp/mounts/tool-list-cache.ts';
import { createToolRegistry, type ToolGroup } from '../../../src/mcp/registry.ts';
import type { Tool } from '../../../src/mcp/tool.ts';
import type { ConnectMcpServer } from '../../../src/ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../../src/ports/mounted-server.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { definitionOf, FakeMcpServer, foreignTool, unreachable } from '../../support/fake-mcp-server.ts';

const second = 1000;

/** Storage whose disk is a map. */
function memoryStorage() {
  const records = new Map<string, unknown>();
  let writes = 0;
  return {
    records,
    writes: () => writes,
    get: (name: string) => Promise.resolve(structuredClone(records.get(name))),
    set: (name: string, record: unknown) => {
      writes += 1;
      records.set(name, structuredClone(record));
      return Promise.resolve();
    },
  };
}

const named = (names: readonly string[], fields: Partial<MountedServerDefinition> = {}) =>
  names.map((name, position) => definitionOf(name, { position, ...fields }));

async function mountAll(
  definitions: readonly MountedServerDefinition[],
  storage: ReturnType<typeof memoryStorage> = memoryStorage(),
) {
  const problems: ClientError[] = [];
  const switches = await openMountSwitches(storage, (problem) => problems.push(problem));
  const clock = new FakeClock();
  const servers = new Map<string, FakeMcpServer>();
  const server = (name: string): FakeMcpServer => {
    const known = servers.get(name) ?? new FakeMcpServer();
    servers.set(name, known);
    return known;
  };
  const connect: ConnectMcpServer = (target, hooks, signal) =>
    server(target.type === 'stdio' ? target.command : target.url).connect(target, hooks, signal);
  const registry = createToolRegistry();
  const told: string[] = [];
  const mounts = createMounts({
    definitions,
    switches,
    connect,
    cache: createToolListCache(storage, silentLogger),
    clock,
    logger: silentLogger,
    random: () => 0.5,
    onTools: (group: ToolGroup, tools: readonly Tool[]) => {
      told.push(`${group.name} ${tools.length}`);
      registry.publish(group, tools);
    },
  });
  const offered = () => registry.list().map(({ name }) => name);
  const states = () => mounts.statuses().map(({ name, state }) => `${name} ${state}`);
  return { clock, server, mounts, told, offered, states, storage, registry, switches, problems };
}

/** A device that has seen these servers before. */
async function seenBefore(names: readonly string[]) {
  const storage = memoryStorage();
  const { mounts, clock } = await mountAll(named(names), storage);
  await mounts.start();
  await clock.advanceAsync(2 * second);
  await mounts.close();
  return storage;
}

describe('the start with mounted servers', () => {
  it('offers what was there last time at once, while every server still hangs', async () => {
    const storage = await seenBefore(['a', 'b']);
    const { mounts, server, offered, states, told } = await mountAll(named(['a', 'b']), storage);
    server('a').starting = 'hangs';
    server('b').starting = 'hangs';
    await mounts.start();
    expect(offered()).toEqual(['a__echo', 'b__echo']);
    expect(states()).toEqual(['a starting', 'b starting']);
    expect(told).toEqual(['mount:a 1', 'mount:b 1']);
  });

  it('tells of nothing when the servers still offer the same', async () => {
    const storage = await seenBefore(['a', 'b']);
    const { mounts, clock, states, told } = await mountAll(named(['a', 'b']), storage);
    const writes = storage.writes();
    await mounts.start();
    await clock.advanceAsync(10 * second);
    expect(states()).toEqual(['a ready', 'b ready']);
    expect(told).toEqual(['mount:a 1', 'mount:b 1']);
    expect(storage.writes()).toBe(writes);
  });

  it('tells of all real changes of a second together', async () => {
    const storage = await seenBefore(['a', 'b', 'c']);
    const { mounts, server, clock, told, offered } = await mountAll(named(['a', 'b', 'c']), storage);
    server('a').tools = [foreignTool('echo'), foreignTool('new')];
    server('c').tools = [];
    await mounts.start();
    told.length = 0;
    await clock.advanceAsync(999);
    expect(told).toEqual([]);
    await clock.advanceAsync(1);
    expect(told).toEqual(['mount:a 2', 'mount:c 0']);
    expect(offered()).toEqual(['a__echo', 'a__new', 'b__echo']);
  });

  it('says that a server is ready when its tools are offered, and not before', async () => {
    const { mounts, clock, server, states, offered } = await mountAll(named(['a']));
    await mounts.start();
    await settle();
    expect([states(), offered()]).toEqual([['a starting'], []]);
    await clock.advanceAsync(second);
    expect([states(), offered()]).toEqual([['a ready'], ['a__echo']]);
    server('a').tools = [foreignTool('new')];
    server('a').live.hooks.onToolsChanged();
    await settle();
    expect(states()).toEqual(['a ready']);
    server('a').tools = [foreignTool('newer')];
    await mounts.restart('a');
    expect([states(), offered()]).toEqual([['a ready'], ['a__newer']]);
  });

  it('lets four servers start at once, and none that is slow keeps the others waiting', async () => {
    const names = ['1', '2', '3', '4', '5', '6'];
    const { mounts, server, clock, states } = await mountAll(named(names));
    for (const name of ['1', '2', '3', '4']) server(name).starting = 'hangs';
    await mounts.start();
    await settle();
    expect(states().slice(3)).toEqual(['4 starting', '5 cold', '6 cold']);
    await clock.advanceAsync(6 * second);
    expect(states().slice(3)).toEqual(['4 starting', '5 ready', '6 ready']);
  });

  it('has one order, whichever server is there first', async () => {
    const { mounts, server, clock, offered } = await mountAll(named(['b', 'a']));
    server('b').starting = unreachable();
    await mounts.start();
    await clock.advanceAsync(500);
    server('b').starting = 'well';
    await clock.advanceAsync(5 * second);
    expect(offered()).toEqual(['b__echo', 'a__echo']);
  });

  it('starts lazy servers only to learn what they offer, and none that is switched off', async () => {
    const storage = memoryStorage();
    const definitions = [
      definitionOf('lazy', { start: 'lazy' }),
      definitionOf('manual', { start: 'manual' }),
      definitionOf('off', { start: 'lazy', enabled: false }),
    ];
    const first = await mountAll(definitions, storage);
    await first.mounts.start();
    await first.clock.advanceAsync(second);
    expect(first.states()).toEqual(['lazy ready', 'manual cold', 'off disabled']);
    await first.mounts.close();

    const next = await mountAll(definitions, storage);
    await next.mounts.start();
    await settle();
    expect(next.states()).toEqual(['lazy cold', 'manual cold', 'off disabled']);
    expect(next.offered()).toEqual(['lazy__echo']);
    await next.mounts.enable('off');
    await next.clock.advanceAsync(second);
    expect(next.states()[2]).toBe('off ready');
  });
});

describe('the cache of tool lists', () => {
  it('holds no secret, and is not used for a server behind another target', async () => {
    const storage = memoryStorage();
    const secret = definitionOf('a', {
      target: { type: 'stdio', command: 'a', args: ['--token=hush'], env: { KEY: 'hush' }, cwd: '/' },
    });
    const first = await mountAll([secret], storage);
    await first.mounts.start();
    await settle();
    expect([...storage.records.keys()]).toEqual(['tools-a-ca978112ca1b']);
    expect(JSON.stringify([...storage.records.values()])).not.toContain('hush');
    const other = await mountAll(
      [{ ...secret, target: { ...secret.target, cwd: '/tmp' } as never }],
      storage,
    );
    other.server('a').starting = 'hangs';
    await other.mounts.start();
    expect(other.offered()).toEqual([]);
  });

  it('gives every schema back member for member, so that a server that has not changed changes nothing', async () => {
    const storage = memoryStorage();
    const inputSchema = {
      $schema: 'https://json-schema.org/draft-07/schema',
      properties: {},
      type: 'object',
    } as const;
    const start = async () => {
      const { mounts, server, told, clock } = await mountAll(named(['a']), storage);
      server('a').tools = [{ ...foreignTool('echo'), inputSchema }];
      await mounts.start();
      await clock.advanceAsync(3 * second);
      await mounts.close();
      return told;
    };
    await start();
    expect(await start()).toEqual(['mount:a 1']);
  });

  it('that is damaged counts as empty', async () => {
    const storage = await seenBefore(['a']);
    for (const damaged of [7, {}, { version: 1, target: 'x', tools: [] }, { version: 2 }, []]) {
      storage.records.set('tools-a-ca978112ca1b', damaged);
      const { mounts, offered, clock } = await mountAll(named(['a']), storage);
      await mounts.start();
      expect(offered()).toEqual([]);
      await clock.advanceAsync(2 * second);
      expect(offered()).toEqual(['a__echo']);
      await mounts.close();
    }
  });

  it('that cannot be read or written is only a slower start', async () => {
    const storage = memoryStorage();
    const { mounts, offered, clock } = await mountAll(named(['a']), storage);
    storage.get = () => Promise.reject(new Error('EIO'));
    storage.set = () => Promise.reject(new Error('EROFS'));
    await mounts.start();
    await clock.advanceAsync(2 * second);
    expect(offered()).toEqual(['a__echo']);
  });

  it('is written at most once a minute for a server that changes its list all the time, and at the end', async () => {
    const { mounts, clock, server, storage } = await mountAll(named(['a']));
    await mounts.start();
    for (let n = 0; n < 30; n += 1) {
      server('a').tools = [foreignTool(`tool${n}`)];
      server('a').live.hooks.onToolsChanged();
      await clock.advanceAsync(second);
    }
    expect(storage.writes()).toBe(1);
    await mounts.close();
    expect(storage.writes()).toBe(2);
    expect(JSON.stringify([...storage.records.values()])).toContain('tool29');
  });
});

describe('servers that come and go while the device runs', () => {
  it('are added beside those of the configuration, and removed', async () => {
    const { mounts, offered, clock, server } = await mountAll(named(['a']));
    await mounts.start();
    await mounts.add(definitionOf('b', { position: 100 }));
    await clock.advanceAsync(2 * second);
    expect(offered()).toEqual(['a__echo', 'b__echo']);
    await expect(mounts.add(definitionOf('a'))).rejects.toThrow(
      'The name "a" is taken by the MCP server "a"; choose another.',
    );
    await expect(mounts.add(definitionOf('b.'))).rejects.toThrow('is taken by the MCP server "b"');
    await expect(mounts.remove('a')).rejects.toThrow('a is in the configuration file');
    await mounts.remove('b');
    expect([offered(), server('b').live.isClosed]).toEqual([['a__echo'], true]);
    await expect(mounts.remove('b')).rejects.toThrow('There is no MCP server "b"; there are a.');
  });

  it('follow the configuration file: only what has changed is started anew', async () => {
    const { mounts, offered, clock, server, states } = await mountAll(named(['a', 'b', 'c', 'd']));
    await mounts.start();
    await mounts.add(definitionOf('added', { position: 100 }));
    await clock.advanceAsync(2 * second);
    await mounts.update([
      definitionOf('d', { position: 0 }),
      definitionOf('a', { position: 1, tools: { echo: { alias: 'repeat' } } }),
      definitionOf('b', {
        position: 2,
        target: { type: 'stdio', command: 'b', args: ['-v'], env: {}, cwd: '/' },
      }),
      definitionOf('e', { position: 3 }),
    ]);
    await clock.advanceAsync(2 * second);
    expect(offered()).toEqual(['d__echo', 'repeat', 'b__echo', 'e__echo', 'added__echo']);
    expect(['a', 'b', 'c', 'd', 'e', 'added'].map((name) => server(name).tries)).toEqual([1, 2, 1, 1, 1, 1]);
    expect(states()).toEqual(['d ready', 'a ready', 'b ready', 'e ready', 'added ready']);
    expect(server('c').live.isClosed).toBe(true);
  });

  it('are switched off and on, and the change is told at once', async () => {
    const { mounts, offered, clock, states } = await mountAll(named(['a', 'b']));
    await mounts.start();
    await clock.advanceAsync(2 * second);
    await mounts.disable('a');
    expect(offered()).toEqual(['b__echo']);
    await mounts.enable('a');
    await settle();
    expect(states()).toEqual(['a ready', 'b ready']);
    await clock.advanceAsync(2 * second);
    expect(offered()).toEqual(['a__echo', 'b__echo']);
    await expect(mounts.disable('x')).rejects.toThrow('There is no MCP server "x"; there are a, b.');
    await mounts.restart('a');
    expect(mounts.logs('a')).toEqual([
      '— starting',
      '— ready',
      '— disabled',
      '— cold',
      '— starting',
      '— ready',
      '— starting',
      '— ready',
    ]);
  });

  it('keep their last lines, however much they write', async () => {
    const { mounts, server } = await mountAll(named(['a']));
    await mounts.start();
    await settle();
    for (let n = 0; n < 1000; n += 1) server('a').live.hooks.onLog(`line ${n} ${'x'.repeat(2000)}`);
    const lines = mounts.logs('a');
    expect(lines).toHaveLength(201);
    expect(lines[0]).toBe('… 802 earlier lines are not kept');
    expect(lines[200]?.startsWith('line 999')).toBe(true);
    expect(lines[200]).toHaveLength(500);
  });
});

describe('servers that somebody has switched', () => {
  const off = { enabled: false };
  const why = (mounts: Mounts) =>
    mounts.statuses().map(({ name, state, switchedOffBy }) => `${name} ${state} ${switchedOffBy ?? '-'}`);

  it('are as they were left when the device starts again, and say who switched them off', async () => {
    const definitions = [
      definitionOf('a'),
      definitionOf('b', off),
      definitionOf('c', off),
      definitionOf('d'),
    ];
    const first = await mountAll(definitions);
    await first.mounts.start();
    await first.mounts.disable('a');
    await first.mounts.enable('b');
    await first.mounts.close();
    const second = await mountAll(definitions, first.storage);
    await second.mounts.start();
    await second.clock.advanceAsync(1000);
    expect(why(second.mounts)).toEqual([
      'a disabled command',
      'b ready -',
      'c disabled configuration',
      'd ready -',
    ]);
    expect(second.server('a').tries).toBe(0);
  });

  it('follow the configuration again once they are as it says', async () => {
    const { mounts, storage, states } = await mountAll([definitionOf('a')]);
    await mounts.start();
    await mounts.disable('a');
    await mounts.enable('a');
    await settle();
    expect(storage.records.get('mount-switches')).toEqual({ switches: [] });
    await mounts.update([definitionOf('a', off)]);
    expect(states()).toEqual(['a disabled']);
  });

  it('stay as they are when the file changes, and are forgotten with their name', async () => {
    const { mounts, states, switches, server } = await mountAll(named(['a', 'b']));
    await mounts.start();
    await mounts.disable('a');
    await mounts.update([definitionOf('a', { position: 1, trusted: false }), definitionOf('b')]);
    await mounts.update([
      definitionOf('a', { position: 1, target: { type: 'http', url: 'u', headers: {}, transport: 'auto' } }),
      definitionOf('b'),
    ]);
    await settle();
    expect([states(), server('a').tries, server('b').tries]).toEqual([['b ready', 'a disabled'], 1, 1]);
    await switches.retain(['b']);
    await mounts.update([definitionOf('b')]);
    await mounts.update(named(['a', 'b']));
    await settle();
    expect(states()).toEqual(['a ready', 'b ready']);
  });

  it('are not mistaken for servers of another origin; removing one forgets its choice', async () => {
    const { mounts, states, storage } = await mountAll(named(['a']));
    await mounts.start();
    await mounts.add(definitionOf('b', { position: 9 }));
    await mounts.disable('b');
    expect(storage.records.get('mount-switches')).toEqual({
      switches: [{ origin: 'added', name: 'b', enabled: false }],
    });
    await mounts.remove('b');
    await mounts.update(named(['a', 'b']));
    await settle();
    expect(states()).toEqual(['a ready', 'b ready']);
    expect(storage.records.get('mount-switches')).toEqual({ switches: [] });
  });

  it('are not switched at all when that cannot be kept', async () => {
    const { mounts, states, storage, offered, clock } = await mountAll(named(['a']));
    await mounts.start();
    await clock.advanceAsync(2 * second);
    storage.set = () => Promise.reject(new Error('EROFS'));
    await expect(mounts.disable('a')).rejects.toThrow('EROFS');
    expect([states(), offered()]).toEqual([['a ready'], ['a__echo']]);
  });

  it('are as the configuration says when the record is damaged, and that is told', async () => {
    for (const damaged of [7, { switches: 1 }, { switches: [{ origin: 'x', name: 'a', enabled: true }] }]) {
      const storage = memoryStorage();
      storage.records.set('mount-switches', damaged);
      const { mounts, problems, states, clock } = await mountAll(named(['a']), storage);
      await mounts.start();
      await clock.advanceAsync(second);
      expect([states(), problems.map(({ code }) => code)]).toEqual([['a ready'], ['STATE_DAMAGED']]);
      await mounts.close();
    }
  });
});

describe('the end of all', () => {
  it('closes what runs and starts what waits no more', async () => {
    const names = ['1', '2', '3', '4', '5'];
    const { mounts, server, clock, states } = await mountAll(named(names));
    for (const name of ['2', '3', '4', '5']) server(name).starting = 'hangs';
    await mounts.start();
    await settle();
    await mounts.close();
    expect([server('1').live.isClosed, server('5').tries, clock.pendingTimers]).toEqual([true, 1, 0]);
    await clock.advanceAsync(600 * second);
    expect(names.map((name) => server(name).tries)).toEqual([1, 1, 1, 1, 1]);
    await mounts.add(definitionOf('late'));
    expect([server('late').tries, states()]).toEqual([0, names.map((name) => `${name} disabled`)]);
  });
});
