import { createJsonFileStorage } from './adapters/storage/json-file.ts';
import { createConfiguredTools } from './adapters/tools/configured-tools.ts';
import { parseCustomMcp } from './config/custom-mcp.ts';
import { parseMounts } from './config/mounts.ts';
import { checkTools } from './config/tools.ts';
import type { Clock } from './core/clock.ts';
import { ClientError, ErrorCode } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import { hasUnseen } from './core/printable-text.ts';
import { type KnownSecrets, secretsOfConfiguration } from './core/secrets.ts';
import { openInstalled } from './mcp/control/installed.ts';
import { createInstalls, type Definition, type Installs } from './mcp/control/installs.ts';
import { openQuarantine, type Quarantine } from './mcp/control/quarantine.ts';
import { heldEvent, tellToolChanges } from './mcp/control/tool-events.ts';
import { type MountSwitches, openMountSwitches } from './mcp/mounts/mount-switches.ts';
import type { Mounts } from './mcp/mounts/mounts.ts';
import type { ToolRegistry } from './mcp/registry.ts';
import type { StatusDisplay } from './ports/status-display.ts';
import type { Storage } from './ports/storage.ts';
import type { ToolDefinition } from './ports/tool-definition.ts';

export interface QuarantineServiceParts {
  readonly stateDirectory: string;
  readonly registry: ToolRegistry;
  readonly display: StatusDisplay;
  readonly onProblem: (error: ClientError) => void;
}

/** Whoever publishes tools of others publishes them here, and not to the registry. */
export function createQuarantine(parts: QuarantineServiceParts): Promise<Quarantine> {
  const { registry, display } = parts;
  return openQuarantine({
    storage: stateStorage(parts),
    registry,
    onHeld: (held) => display.show(heldEvent(held)),
  });
}

/** Which mounted servers somebody has switched on or off. */
export function createMountSwitches(
  parts: Pick<QuarantineServiceParts, 'stateDirectory' | 'onProblem'>,
): Promise<MountSwitches> {
  return openMountSwitches(stateStorage(parts), parts.onProblem);
}

export interface InstallServiceParts extends QuarantineServiceParts {
  readonly quarantine: Quarantine;
  readonly mounts: Pick<Mounts, 'add' | 'remove'>;
  /** What relative paths of tools and mounts are relative to: where the configuration file is. */
  readonly baseDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Is told what installed entries hold. */
  readonly secrets?: Pick<KnownSecrets, 'add'>;
}

/** Tools and mounts that are added while the device runs. */
export interface InstallService {
  readonly installs: Installs;
  /** Offers what is kept, once all else is offered; from then on, changes of the list of tools are events. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function createInstallService(parts: InstallServiceParts): Promise<InstallService> {
  const { registry, display, onProblem, secrets } = parts;
  const configured = createConfiguredTools({ ...parts, logger: parts.logger.child('tools') });
  const installs = createInstalls({
    ...parts,
    records: await openInstalled(stateStorage(parts), onProblem),
    readTool: (raw) => {
      secrets?.add(secretsOfConfiguration(raw));
      return readTool(raw);
    },
    readMount: (name, raw, position) => {
      secrets?.add(secretsOfConfiguration(raw));
      const { definitions, faults } = parseMounts({ [name]: raw }, undefined, parts);
      const [definition] = definitions;
      if (!definition || faults.length > 0) throw notRight(faults);
      return { ...definition, position };
    },
    toolsOf: (definitions) => configured.update(definitions),
  });
  let stopTelling = () => {};
  return {
    installs,
    async start() {
      await installs.start();
      stopTelling = tellToolChanges(registry, (event) => display.show(event));
    },
    async close() {
      stopTelling();
      await configured.dispose();
    },
  };
}

function stateStorage({
  stateDirectory,
  onProblem,
}: Pick<QuarantineServiceParts, 'stateDirectory' | 'onProblem'>): Storage {
  return createJsonFileStorage({ directory: stateDirectory, onDamaged: onProblem });
}

/** In the shape of `mcp.tools` or, with a handler, of `customMCP.tools`. */
function readTool(raw: Definition): ToolDefinition {
  const section = { tools: [raw] };
  const { tools, faults } = 'handler' in raw ? parseCustomMcp(section) : checkTools(section);
  const [definition] = tools;
  if (!definition || faults.length > 0) throw notRight(faults);
  if (hasUnseen(definition.description))
    throw notRight(['description: must not hold letters that nobody sees']);
  return definition;
}

/** The place is that in a configuration file, and there is none here. */
function notRight(faults: readonly string[]): ClientError {
  const lines = faults.map((fault) =>
    fault.replace(/^(?:mcp|customMCP)\.tools\[0\](?: \("[^"]*"\))?\.?(?:: )?|^mcpServers\./, ''),
  );
  return new ClientError(ErrorCode.configInvalid, lines.join('; ') || 'It is switched off.');
}
