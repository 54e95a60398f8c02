import { createControlClient, isNobodyThere } from '../adapters/control/control-client.ts';
import { inColumns } from '../adapters/display/columns.ts';
import { controlSocketPath } from '../config/control-socket.ts';
import { type LoadedConfig, loadConfig, stateDirectory } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import { printableText, wholeText } from '../core/printable-text.ts';
import { createToolRegistry } from '../mcp/registry.ts';
import type { ControlledMount, ControlledTool } from '../ports/control-api.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';
import { openKnownExchange } from './known-exchange.ts';
import { openSeenTools } from './seen-tools.ts';

export interface McpOptions extends RunOptions {
  /** The answer as JSON, for scripts. */
  readonly json?: boolean | undefined;
}

export interface McpNameOptions extends McpOptions {
  /** Of a mounted server. */
  readonly name: string;
}

export interface McpApproveOptions extends McpOptions {
  /** Of a mounted server, or of a tool. */
  readonly name?: string | undefined;
}

/** A row of `mcp list`; what a device that does not run cannot know is absent. */
type ListedMount = Pick<ControlledMount, 'name' | 'toolCount'> &
  Partial<Omit<ControlledMount, 'state'>> & { readonly state: ControlledMount['state'] | 'not running' };

/** Mounted servers of the running device; without one, those it would have, with what was last known of them. */
export const mcpListAction: CommandAction<McpOptions> = async (options, context) => {
  const { ask, loaded } = await connect(options, context);
  let mounts: readonly ListedMount[];
  try {
    ({ mounts } = (await ask('GET', '/v1/mounts')) as { mounts: readonly ListedMount[] });
  } catch (thrown) {
    if (!isNobodyThere(thrown)) throw thrown;
    mounts = await knownMounts(loaded, context);
  }
  if (options.json) context.stdout.write(`${JSON.stringify({ mounts }, null, 2)}\n`);
  else context.stdout.write(mounts.length === 0 ? 'No MCP server is mounted.\n' : tableOf(mounts));
  return ExitCode.done;
};

const changeAction =
  (change: 'restart' | 'enable' | 'disable'): CommandAction<McpNameOptions> =>
  async (options, context) => {
    const { ask } = await connect(options, context);
    const mount = (await ask('POST', `${pathOf(options.name)}/${change}`)) as ControlledMount;
    context.stdout.write(options.json ? `${JSON.stringify(mount, null, 2)}\n` : tableOf([mount]));
    return ExitCode.done;
  };

export const mcpRestartAction = changeAction('restart');
export const mcpEnableAction = changeAction('enable');
export const mcpDisableAction = changeAction('disable');

/** The last lines that the server has written. */
export const mcpLogsAction: CommandAction<McpNameOptions> = async (options, context) => {
  const { ask } = await connect(options, context);
  const { lines } = (await ask('GET', `${pathOf(options.name)}/logs`)) as { lines: readonly string[] };
  if (options.json) context.stdout.write(`${JSON.stringify({ lines }, null, 2)}\n`);
  else for (const line of lines) context.stdout.write(`${printableText(line, 2000)}\n`);
  return ExitCode.done;
};

/** Every letter that the model would read of a tool, and nothing that would steer a terminal. */
function show(held: readonly ControlledTool[], { stdout }: CliContext): void {
  for (const { name, group, description, inputSchema } of held) {
    stdout.write(`${wholeText(name)} (${wholeText(group)}): ${wholeText(description)}\n`);
    stdout.write(`  arguments: ${wholeText(JSON.stringify(inputSchema))}\n`);
  }
}

const isHeld = ({ state }: ControlledTool): boolean => state === 'held';

/**
 * Offers what was held back: all tools of the server of this name, or the one tool. Shows what the model will read, and approves
 * only what was shown: when that has changed since, it is shown again and stays held. Without a name it only shows what is held
 * back.
 */
export const mcpApproveAction: CommandAction<McpApproveOptions> = async ({ name, ...options }, context) => {
  const { ask, loaded } = await connect(options, context);
  const seen = await openSeenTools(stateDirectory(loaded.config, context.env));
  const listed = async () => ((await ask('GET', '/v1/tools')) as { tools: readonly ControlledTool[] }).tools;
  const tools = await listed();
  if (name === undefined) {
    const held = tools.filter(isHeld);
    if (options.json) context.stdout.write(`${JSON.stringify({ held }, null, 2)}\n`);
    else if (held.length === 0) context.stdout.write('Nothing is held back.\n');
    else show(held, context);
    await seen.remember(held);
    return ExitCode.done;
  }
  const { mounts } = (await ask('GET', '/v1/mounts')) as { mounts: readonly ControlledMount[] };
  const isMount = mounts.some((mount) => mount.name === name);
  if (!isMount && !tools.some((tool) => tool.name === name)) throw nothingOfThisName(name);
  const isMeant = (tool: ControlledTool) =>
    isHeld(tool) && (isMount ? tool.group === `mount:${name}` : tool.name === name);
  const held = tools.filter(isMeant);
  const groups = new Set(held.map(({ group }) => group));
  if (groups.size > 1) throw severalOfThisName(name, [...groups]);
  if (held.length === 0) {
    context.stdout.write(
      options.json ? `${JSON.stringify({ approved: [] }, null, 2)}\n` : 'Nothing was held back.\n',
    );
    return ExitCode.done;
  }
  const again = async (changed: readonly ControlledTool[]) => {
    if (options.json) context.stdout.write(`${JSON.stringify({ held: changed }, null, 2)}\n`);
    else show(changed, context);
    await seen.remember(changed);
    context.stderr.write(
      'This is not what was shown before, so nothing was approved. Read it, and give the command again.\n',
    );
    return ExitCode.failed;
  };
  if (!seen.allows(held)) return await again(held);
  if (!options.json) show(held, context);
  await seen.remember(held);
  try {
    await ask('POST', ...approvalOf(name, isMount, held));
  } catch (thrown) {
    const now = (await listed()).filter(isMeant);
    if (toClientError(thrown).code !== ErrorCode.conflict || now.length === 0) throw thrown;
    return await again(now);
  }
  if (options.json) context.stdout.write(`${JSON.stringify({ approved: held }, null, 2)}\n`);
  else for (const tool of held) context.stdout.write(`${printableText(tool.name, 64)} is offered now.\n`);
  return ExitCode.done;
};

function approvalOf(
  name: string,
  isMount: boolean,
  held: readonly ControlledTool[],
): [path: string, body: unknown] {
  const prints = Object.fromEntries(held.map((tool) => [tool.name, tool.fingerprint]));
  if (isMount) return [`${pathOf(name)}/approve`, { tools: prints }];
  const [{ group, fingerprint } = { group: '', fingerprint: '' }] = held;
  return [`/v1/tools/${encodeURIComponent(name)}/approve`, { group, fingerprint }];
}

const severalOfThisName = (name: string, groups: readonly string[]): ClientError =>
  new ClientError(
    ErrorCode.usageInvalid,
    `Several tools are called ${printableText(name, 64)} (${groups.map((group) => printableText(group, 64)).join(', ')}); approve them by the names of their servers.`,
  );

const nothingOfThisName = (name: string): ClientError =>
  new ClientError(
    ErrorCode.notFound,
    `There is no MCP server and no tool ${printableText(name, 64)}; "mcp list" shows the servers, "mcp approve" what is held back.`,
  );

const pathOf = (mount: string): string => `/v1/mounts/${encodeURIComponent(mount)}`;

async function connect(options: McpOptions, { env, stop }: CliContext) {
  const loaded = await loadConfig({
    configFile: options.config,
    overrides: runOptionOverrides(options),
    env,
  });
  const path = controlSocketPath(loaded.config, stateDirectory(loaded.config, env), env);
  return { loaded, ask: createControlClient(path, stop).ask };
}

async function knownMounts(
  loaded: LoadedConfig,
  { env, stderr }: CliContext,
): Promise<readonly ListedMount[]> {
  const { mounts, faults, dispose } = await openKnownExchange(loaded, createToolRegistry(), env);
  await dispose();
  for (const fault of faults) stderr.write(`${fault}\n`);
  return mounts.map(({ enabled, ...mount }) => ({ ...mount, state: enabled ? 'not running' : 'disabled' }));
}

/** Why it is not ready. */
function remarkOn({ name, state, switchedOffBy, lastProblem }: ListedMount): string {
  if (state === 'ready') return '';
  if (switchedOffBy === 'configuration') return 'switched off in the configuration';
  if (switchedOffBy === 'command') return `switched off with mcp disable ${printableText(name, 64)}`;
  return printableText(lastProblem ?? '', 200);
}

function tableOf(mounts: readonly ListedMount[]): string {
  const rows = mounts.map((mount) => {
    const { name, state, transport, toolCount, held = [], restarts = 0 } = mount;
    return [
      printableText(name, 64),
      state,
      transport ?? '-',
      `${toolCount} tools${held.length > 0 ? `, ${held.length} held` : ''}`,
      restarts > 0 ? `${restarts} restarts` : '',
      remarkOn(mount),
    ];
  });
  return inColumns(rows);
}
