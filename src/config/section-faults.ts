import { parseAccessPoints } from './access-points.ts';
import { parseCustomMcp } from './custom-mcp.ts';
import { parseMounts } from './mounts.ts';
import type { Config } from './schema.ts';
import { parseTunnels } from './tunnels.ts';

/**
 * What is wrong in the sections whose damaged entries cost only themselves: one line each with path and what is allowed, values
 * never shown. A device with such a configuration runs.
 */
export function sectionFaults(config: Config): readonly string[] {
  const { mcpServers, mcpServerConfig, customMCP, mcpEndpoint, tunnels } = config;
  return [
    parseMounts(mcpServers, mcpServerConfig, { baseDirectory: '.' }),
    parseCustomMcp(customMCP),
    parseAccessPoints(mcpEndpoint),
    parseTunnels(tunnels),
  ].flatMap(({ faults }) => faults);
}
