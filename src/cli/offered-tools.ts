import { dirname } from 'node:path';
import { createConfiguredTools } from '../adapters/tools/configured-tools.ts';
import { deviceToolGroup } from '../app-device-tools.ts';
import { configuredToolGroup, customToolGroup } from '../app-tools.ts';
import { parseCustomMcp } from '../config/custom-mcp.ts';
import type { LoadedConfig } from '../config/load.ts';
import { parseToolsConfig } from '../config/tools.ts';
import { monotonicClock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import { type AccessList, createAccessList } from '../mcp/access-list.ts';
import { createToolRegistry, type ToolRegistry } from '../mcp/registry.ts';
import type { CliContext } from './context.ts';
import { describeDeviceTools } from './device-tools.ts';

export const builtinKind = 'built-in';

/** The tools that a device with this configuration offers, without the device. */
export interface OfferedTools {
  readonly registry: ToolRegistry;
  readonly access: Pick<AccessList, 'permits'>;
  /** `built-in`, or what runs the tool. */
  kindOf(name: string): string;
  /** What of the configuration cannot be used, a line each. */
  readonly faults: readonly string[];
  dispose(): Promise<void>;
}

/** Those of the device itself cannot be called: nothing of its state is touched. */
export async function openOfferedTools(
  loaded: LoadedConfig,
  { env }: Pick<CliContext, 'env'>,
): Promise<OfferedTools> {
  const { tools: definitions, allow, deny, faults } = parseToolsConfig(loaded.config.mcp);
  const custom = parseCustomMcp(loaded.config.customMCP);
  const deps = { clock: monotonicClock, logger: silentLogger, env, baseDirectory: toolsDirectory(loaded) };
  const groups = [createConfiguredTools(deps), createConfiguredTools(deps)] as const;
  const registry = createToolRegistry();
  registry.publish(deviceToolGroup, await describeDeviceTools(loaded));
  registry.publish(configuredToolGroup, groups[0].update(definitions));
  registry.publish(customToolGroup, groups[1].update(custom.tools));
  // The first of a name is the one that is offered.
  const kinds = new Map([...custom.tools, ...definitions].map(({ name, target }) => [name, target.type]));
  return {
    registry,
    access: createAccessList({ allow, deny }),
    kindOf: (name) => (registry.find(name)?.source === 'builtin' ? builtinKind : (kinds.get(name) ?? '')),
    faults: [...faults, ...custom.faults],
    dispose: async () => void (await Promise.all(groups.map((group) => group.dispose()))),
  };
}

/** Where relative paths of tools start. */
export function toolsDirectory({ file }: Pick<LoadedConfig, 'file'>): string {
  return file === undefined ? process.cwd() : dirname(file);
}
