import { createJsonFileStorage } from '../adapters/storage/json-file.ts';
import { createInstallService, createMountSwitches, createQuarantine } from '../app-installs.ts';
import { cacheDirectory, type LoadedConfig, stateDirectory } from '../config/load.ts';
import { parseMounts } from '../config/mounts.ts';
import { monotonicClock } from '../core/clock.ts';
import type { ClientError } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { sourceOf } from '../mcp/control/mount-source.ts';
import type { MountOrigin } from '../mcp/mounts/mount-switches.ts';
import { createMountedTools } from '../mcp/mounts/mounted-tools.ts';
import { mountGroupName, refuseTakenName } from '../mcp/mounts/mounts.ts';
import { createToolListCache } from '../mcp/mounts/tool-list-cache.ts';
import type { ToolRegistry } from '../mcp/registry.ts';
import type { ControlledMount } from '../ports/control-api.ts';
import type { MountedServerDefinition } from '../ports/mounted-server.ts';
import type { CliContext } from './context.ts';
import { toolsDirectory } from './offered-tools.ts';

/** A mounted server as a device knows it before it has asked it anything. */
export type KnownMount = Pick<ControlledMount, 'name' | 'origin' | 'switchedOffBy' | 'toolCount' | 'held'> & {
  readonly enabled: boolean;
};

/** What a device that starts now has of others, without the device. */
export interface KnownExchange {
  readonly mounts: readonly KnownMount[];
  /** Names of tools that wait for an approval. */
  readonly held: readonly string[];
  /** What of configuration and state cannot be used, a line each. */
  readonly faults: readonly string[];
  dispose(): Promise<void>;
}

/**
 * Publishes to `registry` what is installed and what mounted servers offered when they were last there, as far as it is not held
 * back. No server is started or asked, and the tools of servers cannot be called.
 */
export async function openKnownExchange(
  loaded: LoadedConfig,
  registry: ToolRegistry,
  env: CliContext['env'],
): Promise<KnownExchange> {
  const { config } = loaded;
  const baseDirectory = toolsDirectory(loaded);
  const parsed = parseMounts(config.mcpServers, config.mcpServerConfig, { baseDirectory, env });
  const faults = [...parsed.faults];
  const servers: KnownServer[] = parsed.definitions.map((definition) => ({
    definition,
    origin: 'configured',
  }));
  const parts = {
    stateDirectory: stateDirectory(config, env),
    baseDirectory,
    registry,
    env,
    clock: monotonicClock,
    logger: silentLogger,
    display: { show: () => {} },
    onProblem: ({ message }: ClientError) => void faults.push(message),
  };
  const [quarantine, switches] = await Promise.all([createQuarantine(parts), createMountSwitches(parts)]);
  const installs = await createInstallService({
    ...parts,
    quarantine,
    mounts: { add: (definition) => addTo(servers, definition), remove: () => Promise.resolve() },
  });
  await installs.start();
  const storage = createJsonFileStorage({ directory: cacheDirectory(config, env), onDamaged: () => {} });
  const cache = createToolListCache(storage, silentLogger);
  const mounts = await Promise.all(
    servers.map(async ({ definition, origin }): Promise<KnownMount> => {
      const { name, position, target, start } = definition;
      const enabled = switches.chosen(origin, name) ?? definition.enabled;
      const listed = (enabled && (await cache.load(name, target))) || [];
      const tools = createMountedTools(unreachable).update(definition, listed);
      const group = { source: 'mounted', name: mountGroupName(name), position } as const;
      if (start !== 'manual') quarantine.publish(group, tools, sourceOf(definition));
      const held = quarantine.held().filter((one) => one.group === group.name);
      return {
        name,
        origin: origin === 'added' ? 'installed' : 'configuration',
        enabled,
        ...(!enabled && { switchedOffBy: definition.enabled ? 'command' : 'configuration' }),
        toolCount: tools.length,
        held: held.map(({ tool }) => tool.name),
      };
    }),
  );
  const held = quarantine.held().map(({ tool }) => tool.name);
  return { mounts, held, faults, dispose: () => installs.close() };
}

interface KnownServer {
  readonly definition: MountedServerDefinition;
  readonly origin: MountOrigin;
}

async function addTo(servers: KnownServer[], definition: MountedServerDefinition): Promise<void> {
  refuseTakenName(
    definition.name,
    servers.map((server) => server.definition.name),
  );
  servers.push({ definition, origin: 'added' });
  return await Promise.resolve();
}

const unreachable = () => Promise.reject(new Error('no server was started'));
