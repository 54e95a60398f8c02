import { createJsonFileStorage } from './adapters/storage/json-file.ts';
import { readAuthorities } from './config/authorities.ts';
import { isPlainObject } from './config/layers.ts';
import { type MountSections, type MountsConfig, parseMounts } from './config/mounts.ts';
import type { Clock } from './core/clock.ts';
import { ClientError, ErrorCode } from './core/errors.ts';
import { lazyPart } from './core/lazy-part.ts';
import type { Logger } from './core/logger.ts';
import type { MountSwitches } from './mcp/mounts/mount-switches.ts';
import { createMounts, type Mounts } from './mcp/mounts/mounts.ts';
import { createToolListCache } from './mcp/mounts/tool-list-cache.ts';
import type { ToolGroup } from './mcp/registry.ts';
import type { Tool } from './mcp/tool.ts';
import type { ConnectMcpServer } from './ports/mcp-client.ts';
import type { MountedServerDefinition, MountStatus } from './ports/mounted-server.ts';

export interface MountServiceParts {
  readonly config: MountSections;
  /** What a relative `cwd` is relative to: where the configuration file is. */
  readonly baseDirectory: string;
  readonly cacheDirectory: string;
  readonly switches: MountSwitches;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What a server offers now; an empty list when it is gone. Must not throw. */
  readonly onTools: (group: ToolGroup, tools: readonly Tool[], definition: MountedServerDefinition) => void;
  /** Must not throw. */
  readonly onStatus?: (status: MountStatus) => void;
  /** What is wrong in the configuration, and damaged caches; the rest works. Must not throw. */
  readonly onProblem: (error: ClientError) => void;
  /** No server is started before. */
  readonly connectAfter?: Promise<unknown>;
}

/** The MCP servers of others whose tools this device offers. */
export interface MountService {
  readonly mounts: Mounts;
  /** Resolves when the last known tools are offered; nobody waits for the servers. */
  start(): Promise<void>;
  /** The configuration file has changed. */
  update(config: MountSections): Promise<void>;
  close(): Promise<void>;
}

export function createMountService(parts: MountServiceParts): MountService {
  const { logger, onProblem, switches } = parts;
  const parse = ({ mcpServers, mcpServerConfig }: MountSections): MountsConfig['definitions'] => {
    const { definitions, faults, warnings } = parseMounts(mcpServers, mcpServerConfig, parts);
    if (faults.length > 0) onProblem(notRight(faults));
    for (const warning of warnings) logger.warn(warning);
    return definitions;
  };
  /** A damaged entry keeps its choice: it may be repaired. */
  const forgetOthers = async ({ mcpServers }: MountSections): Promise<void> => {
    if (mcpServers === undefined || mcpServers === null || isPlainObject(mcpServers))
      await switches.retain(Object.keys(mcpServers ?? {})).catch(onProblem);
  };
  /** Until then the next start would find choices that were meant for a server of before. */
  let forgotten: Promise<unknown> = forgetOthers(parts.config);
  const storage = createJsonFileStorage({ directory: parts.cacheDirectory, onDamaged: onProblem });
  const mounts = createMounts({
    ...parts,
    definitions: parse(parts.config),
    connect: connectingAfter(parts.connectAfter, loadedOnUse(parts)),
    cache: createToolListCache(storage, logger),
    random: Math.random,
  });
  return {
    mounts,
    start: () => mounts.start(),
    async update(config) {
      forgotten = Promise.all([forgotten, forgetOthers(config)]);
      await Promise.all([mounts.update(parse(config)), forgotten]);
    },
    async close() {
      await Promise.all([mounts.close(), forgotten]);
    },
  };
}

const loadConnector = lazyPart(() => import('./adapters/mcp-client/connect.ts'));

/** Most devices mount nothing, and no start has to load what connects. */
function loadedOnUse({ clock, logger, env }: MountServiceParts): ConnectMcpServer {
  return async (target, hooks, signal) => {
    const { createMcpConnector } = await loadConnector();
    return await createMcpConnector({ clock, logger, env, readAuthorities })(target, hooks, signal);
  };
}

/** Who is taken back meanwhile is told so by the connector itself. */
function connectingAfter(ready: Promise<unknown> | undefined, connect: ConnectMcpServer): ConnectMcpServer {
  if (!ready) return connect;
  return async (target, hooks, signal) => {
    const takenBack = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (!signal.aborted) await Promise.race([ready, takenBack]);
    return await connect(target, hooks, signal);
  };
}

const notRight = (faults: readonly string[]): ClientError =>
  new ClientError(
    ErrorCode.configInvalid,
    [
      'Some MCP servers in the configuration are not right and are left out:',
      ...faults.map((fault) => `  ${fault}`),
    ].join('\n'),
  );
