import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { monotonicClock } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { parseExact } from '../core/exact-json.ts';
import { silentLogger } from '../core/logger.ts';
import { printableText } from '../core/printable-text.ts';
import { checkArguments } from '../mcp/arguments.ts';
import { unlistable } from '../mcp/paging.ts';
import { createToolRegistry } from '../mcp/registry.ts';
import { textOf } from '../mcp/result.ts';
import { startTaskRun } from '../mcp/task-run.ts';
import type { Tool, ToolArguments, ToolOutput } from '../mcp/tool.ts';
import { type ToolChannelName, toolChannels, writeChannelList } from './channel-list.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';
import { openDeviceTools } from './device-tools.ts';
import { openKnownExchange } from './known-exchange.ts';
import { builtinKind, type OfferedTools, openOfferedTools } from './offered-tools.ts';

/** Configuration options as in `run`. */
export interface ToolsListOptions extends RunOptions {
  /** `device` or `access-point`: what the server at this channel is answered, byte for byte. */
  readonly channel?: string | undefined;
  /** Name of the access point, where there are several. */
  readonly endpoint?: string | undefined;
}

export interface ToolsCallOptions extends RunOptions {
  readonly name: string;
  /** A JSON object; `{}` when not given. */
  readonly args?: string | undefined;
}

/**
 * One line per tool a server is offered, in the order of its list: name, mode, kind and the beginning of the description; with
 * a channel the list itself.
 */
export const toolsListAction: CommandAction<ToolsListOptions> = async (options, context) => {
  const { channel, endpoint } = options;
  if (channel === undefined && endpoint !== undefined)
    throw new ClientError(ErrorCode.usageInvalid, '--endpoint is for --channel access-point only.');
  if (channel !== undefined && !isToolChannel(channel))
    throw new ClientError(ErrorCode.usageInvalid, `--channel must be one of ${toolChannels.join(', ')}.`);
  const loaded = await load(options, context);
  const tools = await openOfferedTools(loaded, context);
  try {
    if (channel === undefined) writeRows(tools, context);
    else await writeWholeList(channel, endpoint, loaded, tools, context);
    writeProblems(tools, context);
  } finally {
    await tools.dispose();
  }
  return ExitCode.done;
};

/** With those that are installed and those of other servers, as they are announced before the servers are there. */
async function writeWholeList(
  channel: ToolChannelName,
  endpoint: string | undefined,
  loaded: LoadedConfig,
  tools: OfferedTools,
  context: CliContext,
): Promise<void> {
  const { held, faults, dispose } = await openKnownExchange(loaded, tools.registry, context.env);
  try {
    await writeChannelList(channel, endpoint, loaded, tools, context);
  } finally {
    await dispose();
  }
  for (const fault of faults) context.stderr.write(`${fault}\n`);
  for (const name of held)
    context.stderr.write(`${name} is held back until somebody approves it: mcp approve ${name}\n`);
}

const isToolChannel = (text: string): text is ToolChannelName => toolChannels.some((name) => name === text);

function writeRows({ registry, access, kindOf }: OfferedTools, context: CliContext): void {
  const rows = registry.list().filter(({ name }) => access.permits(name));
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const { name, mode, description, audience } of rows) {
    const cells = [name.padEnd(width), mode.padEnd(10), kindOf(name).padEnd(10)];
    const note = audience === 'user' ? ' (not shown to the model)' : '';
    const [firstLine = ''] = description.split('\n', 1);
    context.stdout.write(`${cells.join('  ')}  ${printableText(firstLine, 200)}${note}\n`);
  }
}

function writeProblems({ registry, access, faults }: OfferedTools, context: CliContext): void {
  for (const fault of faults) context.stderr.write(`${fault}\n`);
  for (const { name, group, winner, winnerGroup } of registry.collisions())
    context.stderr.write(
      `${name} of ${group} is not offered, because ${winner} of ${winnerGroup} has its name. Rename one of them.\n`,
    );
  for (const name of unlistable(registry.list().filter(({ name }) => access.permits(name))))
    context.stderr.write(`${name} is too large to be listed. Shorten its description or schema.\n`);
}

/**
 * Calls one tool as the model would and prints its whole result; whatever its mode, the command waits for it. Ctrl-C stops
 * the tool. A tool of the device itself works on the state directory, as the device would that runs next.
 */
export const toolsCallAction: CommandAction<ToolsCallOptions> = async (options, context) => {
  const loaded = await load(options, context);
  const args = parseArguments(options.args ?? '{}');
  const { registry, access, kindOf, dispose } = await openOfferedTools(loaded, context);
  const device = kindOf(options.name) === builtinKind ? await openDeviceTools(loaded, context) : undefined;
  try {
    const tool = device?.find(options.name) ?? registry.find(options.name);
    if (!tool && access.permits(options.name)) await refuseMounted(options.name, loaded, context);
    if (!tool || !access.permits(tool.name)) throw unknownTool(options.name);
    const output = await run(tool, checkArguments(tool, args), context.stop);
    if (output === undefined) return ExitCode.failed;
    context.stdout.write(`${textOf(output) ?? '(a picture)'}\n`);
    return ExitCode.done;
  } finally {
    await dispose();
    await device?.close();
  }
};

/** Servers of others belong to a device that runs; no second one of each is started beside it. */
async function refuseMounted(name: string, loaded: LoadedConfig, { env }: CliContext): Promise<void> {
  const registry = createToolRegistry();
  const { dispose } = await openKnownExchange(loaded, registry, env);
  await dispose();
  if (registry.find(name)?.source !== 'mounted') return;
  throw new ClientError(
    ErrorCode.toolUnreachable,
    `${printableText(name, 64)} belongs to an MCP server, which only a running device calls. Start one with "xiaozhi-speaker run" and ask it by voice or text, or over its control API: POST /v1/tools/NAME/call.`,
  );
}

/** Undefined when it was stopped. */
async function run(tool: Tool, args: ToolArguments, stop: AbortSignal): Promise<ToolOutput | undefined> {
  const started = startTaskRun(tool, args, { clock: monotonicClock, logger: silentLogger });
  stop.addEventListener('abort', started.cancel, { once: true });
  if (stop.aborted) started.cancel();
  const result = await started.result;
  stop.removeEventListener('abort', started.cancel);
  if (result.kind === 'failed') throw result.error;
  return result.kind === 'done' ? result.output : undefined;
}

function load(options: RunOptions, { env }: CliContext): Promise<LoadedConfig> {
  return loadConfig({ configFile: options.config, overrides: runOptionOverrides(options), env });
}

function parseArguments(text: string): ToolArguments {
  let value: unknown;
  try {
    value = parseExact(text);
  } catch (cause) {
    throw wrongArguments(cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongArguments();
  return value as ToolArguments;
}

function wrongArguments(cause?: unknown): ClientError {
  return new ClientError(
    ErrorCode.usageInvalid,
    `--args must be a JSON object, such as '{"city": "Berlin"}'.`,
    { cause },
  );
}

function unknownTool(name: string): ClientError {
  return new ClientError(
    ErrorCode.usageInvalid,
    `There is no tool named ${printableText(name, 64)}, or it is not allowed. "tools list" shows those there are.`,
  );
}
