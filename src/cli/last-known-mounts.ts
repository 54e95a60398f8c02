import { createJsonFileStorage } from '../adapters/storage/json-file.ts';
import { cacheDirectory, type LoadedConfig } from '../config/load.ts';
import { parseMounts } from '../config/mounts.ts';
import { silentLogger } from '../core/logger.ts';
import { createMountedTools } from '../mcp/mounts/mounted-tools.ts';
import { mountGroupName } from '../mcp/mounts/mounts.ts';
import { createToolListCache } from '../mcp/mounts/tool-list-cache.ts';
import type { ToolGroup } from '../mcp/registry.ts';
import type { Tool } from '../mcp/tool.ts';
import type { CliContext } from './context.ts';

/** What a device that starts now offers of each mounted server; the tools cannot be called. */
export interface LastKnownMounts {
  readonly groups: readonly { readonly group: ToolGroup; readonly tools: readonly Tool[] }[];
  readonly faults: readonly string[];
}

/** Reads what was cached when the servers were last there; no server is started or asked. */
export async function lastKnownMounts(
  { config }: LoadedConfig,
  baseDirectory: string,
  env: CliContext['env'],
): Promise<LastKnownMounts> {
  const { definitions, faults } = parseMounts(config.mcpServers, config.mcpServerConfig, { baseDirectory });
  const storage = createJsonFileStorage({ directory: cacheDirectory(config, env), onDamaged: () => {} });
  const cache = createToolListCache(storage, silentLogger);
  const groups = definitions
    .filter(({ enabled }) => enabled)
    .map(async (definition) => {
      const { name, position, target } = definition;
      const listed = (await cache.load(name, target)) ?? [];
      const mounted = createMountedTools(() => Promise.reject(new Error('no server was started')));
      const group = { source: 'mounted', name: mountGroupName(name), position } as const;
      return { group, tools: mounted.update(definition, listed) };
    });
  return { groups: await Promise.all(groups), faults };
}
