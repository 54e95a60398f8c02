import { parseAccessPoints } from './access-points.ts';
import { parseCustomMcp } from './custom-mcp.ts';
import type { Environment } from './environment.ts';
import { parseMounts } from './mounts.ts';
import type { Config } from './schema.ts';
import { checkTools } from './tools.ts';
import { parseTunnels } from './tunnels.ts';

/** What is told of the sections whose damaged entries cost only themselves, a line each; values are never shown. */
export interface SectionFindings {
  /** Entries that a device leaves out; it runs all the same. */
  readonly faults: readonly string[];
  /** What is passed over and costs nothing. */
  readonly warnings: readonly string[];
}

/** `env`: where the variables are that entries name. */
export function sectionFindings(config: Config, env: Environment): SectionFindings {
  const { mcp, mcpServers, mcpServerConfig, customMCP, mcpEndpoint, tunnels } = config;
  const tools = checkTools(mcp);
  const mounts = parseMounts(mcpServers, mcpServerConfig, { baseDirectory: '.', env });
  const custom = parseCustomMcp(customMCP);
  const links = [parseAccessPoints(mcpEndpoint), parseTunnels(tunnels)];
  return {
    faults: [tools, mounts, custom, ...links].flatMap(({ faults }) => faults),
    warnings: [tools, mounts, custom].flatMap(({ warnings }) => warnings),
  };
}
