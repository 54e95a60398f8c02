import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { plainServerName } from '../../core/plain-name.ts';
import type { ConnectMcpServer, ForeignTool } from '../../ports/mcp-client.ts';
import type { MountedServerDefinition, MountStatus } from '../../ports/mounted-server.ts';
import type { ToolGroup } from '../registry.ts';
import type { Tool } from '../tool.ts';
import { type Coalescer, createCoalescer } from './coalescer.ts';
import { createMount, type Mount } from './mount.ts';
import type { MountOrigin, MountSwitches } from './mount-switches.ts';
import { createStartQueue } from './start-queue.ts';
import type { ToolListCache } from './tool-list-cache.ts';

export interface MountsParts {
  /** Those of the configuration file. */
  readonly definitions: readonly MountedServerDefinition[];
  readonly connect: ConnectMcpServer;
  readonly cache: ToolListCache;
  readonly switches: MountSwitches;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between 0 and 1. */
  readonly random: () => number;
  /**
   * What a server offers now; an empty list when it is gone. Told only when it differs from what was told last, of all servers
   * in one turn and at most once a second. Must not throw.
   */
  readonly onTools: (group: ToolGroup, tools: readonly Tool[], definition: MountedServerDefinition) => void;
  /** A server is in another state. Must not throw. */
  readonly onStatus?: (status: MountStatus) => void;
}

/** All mounted servers. Where a name is asked for that is not there, a ClientError USAGE_INVALID says which are. */
export interface Mounts {
  /** Resolves when the last known tools of all servers are offered; the servers start meanwhile and are waited for by nobody. */
  start(): Promise<void>;
  /** In the order of the configuration. A server is `ready` when its tools are offered. */
  statuses(): readonly MountStatus[];
  /** @throws ClientError also when the server is switched off or does not start */
  restart(name: string): Promise<void>;
  /** Also after a restart of the device. @throws ClientError also when that cannot be kept; then nothing has changed */
  enable(name: string): Promise<void>;
  /** As `enable`. @throws ClientError */
  disable(name: string): Promise<void>;
  /** What the server has written last, and what happened to it. @throws ClientError */
  logs(name: string): readonly string[];
  /** Beside those of the configuration file. @throws ClientError USAGE_INVALID when the name is taken */
  add(definition: MountedServerDefinition): Promise<void>;
  /** One that was added. @throws ClientError */
  remove(name: string): Promise<void>;
  /** The configuration file has changed. Only servers whose target has changed are started anew. */
  update(definitions: readonly MountedServerDefinition[]): Promise<void>;
  /** Resolves when nothing of any server is left. */
  close(): Promise<void>;
}

interface Entry {
  readonly mount: Mount;
  readonly origin: MountOrigin;
  readonly saving: Coalescer;
  /** What its definition says, whatever somebody has chosen since. */
  isOnByDefault: boolean;
}

const publishWindowMs = 1000;
/** A server that changes its list all the time must not wear out the memory card. */
const saveGapMs = 60_000;

export const mountGroupName = (server: string): string => `mount:${server}`;

export function createMounts(parts: MountsParts): Mounts {
  const { clock, cache, logger, switches } = parts;
  const entries = new Map<string, Entry>();
  /** Servers that offer something else than was told. */
  const changed = new Set<Entry>();
  /** Servers that are ready, but whose tools nobody has been told of yet. */
  const arriving = new Set<Entry>();
  const starts = createStartQueue(clock);
  let isClosed = false;
  /** Changes of the set come one after the other. */
  let changing: Promise<unknown> = Promise.resolve();

  const publishing = createCoalescer({
    clock,
    delayMs: publishWindowMs,
    gapMs: publishWindowMs,
    run: () => {
      for (const { mount } of changed) tell(mount.definition, mount.tools());
      changed.clear();
      arriving.clear();
      return Promise.resolve();
    },
  });

  function tell(definition: MountedServerDefinition, tools: readonly Tool[]): void {
    const { name, position } = definition;
    parts.onTools({ source: 'mounted', name: mountGroupName(name), position }, tools, definition);
  }

  /** What somebody has chosen comes before what the definition says. */
  const switched = (definition: MountedServerDefinition, origin: MountOrigin): MountedServerDefinition => ({
    ...definition,
    enabled: switches.chosen(origin, definition.name) ?? definition.enabled,
  });

  function create(definition: MountedServerDefinition, origin: MountOrigin): Entry {
    const { name, target } = definition;
    let listed: readonly ForeignTool[] = [];
    const saving = createCoalescer({
      clock,
      delayMs: 0,
      gapMs: saveGapMs,
      run: () => cache.save(name, target, listed),
    });
    const mount = createMount({
      ...parts,
      definition: switched(definition, origin),
      listener: {
        onTools: () => {
          changed.add(entry);
          publishing.request();
        },
        onListed: (tools) => {
          listed = tools;
          saving.request();
        },
        onStatus(status) {
          if (status.state === 'ready' && changed.has(entry)) arriving.add(entry);
          else arriving.delete(entry);
          parts.onStatus?.(status);
        },
      },
    });
    const entry: Entry = { mount, origin, saving, isOnByDefault: definition.enabled };
    return entry;
  }

  /** Last known tools first, so that whoever asks only once is told of them; then the servers themselves. */
  async function open(definitions: readonly MountedServerDefinition[], origin: MountOrigin) {
    if (isClosed) return;
    const opened = definitions.map((definition) => create(definition, origin));
    for (const entry of opened) entries.set(entry.mount.definition.name, entry);
    await Promise.all(
      opened.map(async ({ mount }) => {
        const { name, target } = mount.definition;
        const tools = await cache.load(name, target);
        if (tools) mount.remember(tools);
      }),
    );
    publishing.hurry();
    for (const { mount } of opened) startUnasked(mount);
  }

  /** Eager servers, and lazy ones of which nothing is known: nobody could make the first call of what was never offered. */
  function startUnasked(mount: Mount): void {
    const { start } = mount.definition;
    const isWanted = start === 'eager' || (start === 'lazy' && !mount.isKnown);
    if (isWanted && !isClosed) starts.add(() => mount.start());
  }

  async function shut(entry: Entry): Promise<void> {
    const { definition } = entry.mount;
    entries.delete(definition.name);
    changed.delete(entry);
    arriving.delete(entry);
    const hadTools = entry.mount.tools().length > 0;
    if (hadTools) tell(definition, []);
    await Promise.all([entry.mount.close(), entry.saving.finish()]);
  }

  const find = (name: string): Entry => {
    const entry = entries.get(name);
    if (entry) return entry;
    throw new ClientError(
      ErrorCode.usageInvalid,
      entries.size === 0
        ? `There is no MCP server ${JSON.stringify(name)}; none is configured.`
        : `There is no MCP server ${JSON.stringify(name)}; there are ${[...entries.keys()].join(', ')}.`,
    );
  };

  function oneAtATime<T>(change: () => Promise<T>): Promise<T> {
    const result = changing.then(change);
    changing = result.catch(() => {});
    return result;
  }

  async function takeOver(definitions: readonly MountedServerDefinition[]): Promise<void> {
    if (isClosed) return;
    const wanted = new Map(definitions.map((definition) => [definition.name, definition]));
    const gone = [...entries.values()].filter(({ mount: { definition }, origin }) => {
      const next = wanted.get(definition.name);
      return origin === 'configured' && !(next && isSameServer(definition, switched(next, origin)));
    });
    await Promise.all(gone.map(shut));
    const fresh: MountedServerDefinition[] = [];
    for (const definition of definitions) {
      const entry = entries.get(definition.name);
      if (!entry) fresh.push(definition);
      else if (entry.origin === 'added')
        logger.warn('A server of this name was added before', { server: definition.name });
      else redefine(entry, definition);
    }
    await open(fresh, 'configured');
  }

  function redefine(entry: Entry, definition: MountedServerDefinition): void {
    const isMoved = entry.mount.definition.position !== definition.position;
    entry.isOnByDefault = definition.enabled;
    entry.mount.redefine(switched(definition, entry.origin));
    if (isMoved) changed.add(entry);
    publishing.request();
    publishing.hurry();
  }

  /** Told to the mount, too, so that a changed file is compared with how the server is. */
  async function choose(name: string, enabled: boolean): Promise<Mount> {
    const { origin, isOnByDefault } = find(name);
    await switches.choose(origin, name, enabled === isOnByDefault ? undefined : enabled);
    const { mount } = find(name);
    mount.redefine({ ...mount.definition, enabled });
    return mount;
  }

  function statusOf(entry: Entry): MountStatus {
    const { mount, isOnByDefault } = entry;
    const status = mount.status();
    if (status.state === 'ready' && arriving.has(entry)) return { ...status, state: 'starting' };
    if (status.state !== 'disabled') return status;
    return { ...status, switchedOffBy: isOnByDefault ? 'command' : 'configuration' };
  }

  return {
    start: () => oneAtATime(() => open(parts.definitions, 'configured')),
    statuses: () =>
      [...entries.values()]
        .sort((a, b) => a.mount.definition.position - b.mount.definition.position)
        .map(statusOf),
    async restart(name) {
      await find(name).mount.restart();
      publishing.hurry();
    },
    async enable(name) {
      const mount = await choose(name, true);
      mount.enable();
      publishing.hurry();
      startUnasked(mount);
    },
    async disable(name) {
      const mount = await choose(name, false);
      mount.disable();
      publishing.hurry();
    },
    logs: (name) => find(name).mount.logs(),
    add: (definition) =>
      oneAtATime(async () => {
        refuseTakenName(definition.name, entries.keys());
        await open([definition], 'added');
      }),
    remove: (name) =>
      oneAtATime(async () => {
        const entry = find(name);
        if (entry.origin === 'configured') throw ofTheFile(name);
        await shut(entry);
        await switches.choose('added', name, undefined);
      }),
    update: (definitions) => oneAtATime(() => takeOver(definitions)),
    async close() {
      isClosed = true;
      starts.stop();
      publishing.stop();
      await changing;
      await Promise.all(
        [...entries.values()].map(({ mount, saving }) => Promise.all([mount.close(), saving.finish()])),
      );
    },
  };
}

/** Nothing has changed that a running server would notice. */
function isSameServer(one: MountedServerDefinition, other: MountedServerDefinition): boolean {
  const essence = ({ target, enabled, start }: MountedServerDefinition) =>
    JSON.stringify([target, enabled, start]);
  return essence(one) === essence(other);
}

function isSameName(one: string, other: string): boolean {
  return one === other || (plainServerName(one) !== '' && plainServerName(one) === plainServerName(other));
}

/** @throws ClientError USAGE_INVALID when one of these servers has the name, or one that looks the same in the names of tools */
export function refuseTakenName(name: string, taken: Iterable<string>): void {
  const twin = [...taken].find((other) => isSameName(other, name));
  if (twin === undefined) return;
  throw new ClientError(
    ErrorCode.usageInvalid,
    `The name ${JSON.stringify(name)} is taken by the MCP server ${JSON.stringify(twin)}; choose another.`,
  );
}

const ofTheFile = (name: string): ClientError =>
  new ClientError(
    ErrorCode.usageInvalid,
    `${name} is in the configuration file; remove it there, or switch it off with mcp disable ${name}.`,
  );
