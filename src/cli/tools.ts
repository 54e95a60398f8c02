import { dirname } from 'node:path';
import { createConfiguredTools } from '../adapters/tools/configured-tools.ts';
import { deviceToolGroup } from '../app-device-tools.ts';
import { configuredToolGroup } from '../app-tools.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { parseToolsConfig } from '../config/tools.ts';
import { monotonicClock } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { printableText } from '../core/printable-text.ts';
import { createAccessList } from '../mcp/access-list.ts';
import { checkArguments } from '../mcp/arguments.ts';
import { unlistable } from '../mcp/paging.ts';
import { createToolRegistry } from '../mcp/registry.ts';
import { textOf } from '../mcp/result.ts';
import { startTaskRun } from '../mcp/task-run.ts';
import type { Tool, ToolArguments, ToolOutput } from '../mcp/tool.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';
import { describeDeviceTools, openDeviceTools } from './device-tools.ts';

const builtinKind = 'built-in';

/** Configuration options as in `run`. */
export type ToolsListOptions = RunOptions;

export interface ToolsCallOptions extends RunOptions {
  readonly name: string;
  /** A JSON object; `{}` when not given. */
  readonly args?: string | undefined;
}

/** One line per tool a server is offered, in the order of its list: name, mode, kind and the beginning of the description. */
export const toolsListAction: CommandAction<ToolsListOptions> = async (options, context) => {
  const { registry, permits, kindOf } = await openTools(await load(options, context), context);
  const rows = registry.list().filter(({ name }) => permits(name));
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  for (const { name, mode, description, audience } of rows) {
    const cells = [name.padEnd(width), mode.padEnd(10), kindOf(name).padEnd(10)];
    const note = audience === 'user' ? ' (not shown to the model)' : '';
    const [firstLine = ''] = description.split('\n', 1);
    context.stdout.write(`${cells.join('  ')}  ${printableText(firstLine, 200)}${note}\n`);
  }
  for (const { name, winner } of registry.collisions())
    context.stderr.write(`${name} is not offered, because ${winner} has its name. Rename one of them.\n`);
  for (const name of unlistable(rows))
    context.stderr.write(`${name} is too large to be listed. Shorten its description or schema.\n`);
  return ExitCode.done;
};

/**
 * Calls one tool as the model would and prints its whole result; whatever its mode, the command waits for it. Ctrl-C stops
 * the tool. A tool of the device itself works on the state directory, as the device would that runs next.
 */
export const toolsCallAction: CommandAction<ToolsCallOptions> = async (options, context) => {
  const loaded = await load(options, context);
  const args = parseArguments(options.args ?? '{}');
  const { registry, permits, kindOf, dispose } = await openTools(loaded, context);
  const device =
    kindOf(options.name) === builtinKind ? await openDeviceTools(loaded, context.env) : undefined;
  try {
    const tool = device?.find(options.name) ?? registry.find(options.name);
    if (!tool || !permits(tool.name)) throw unknownTool(options.name);
    const output = await run(tool, checkArguments(tool, args), context.stop);
    if (output === undefined) return ExitCode.failed;
    context.stdout.write(`${textOf(output) ?? '(a picture)'}\n`);
    return ExitCode.done;
  } finally {
    await dispose();
    await device?.close();
  }
};

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

/** All tools as a server is offered them. Those of the device cannot be called: nothing of its state is touched. */
async function openTools(loaded: LoadedConfig, { env }: CliContext) {
  const { tools: definitions, allow, deny } = parseToolsConfig(loaded.config.mcp);
  const configured = createConfiguredTools({
    clock: monotonicClock,
    logger: silentLogger,
    env,
    baseDirectory: toolsDirectory(loaded),
  });
  const registry = createToolRegistry();
  registry.publish(deviceToolGroup, await describeDeviceTools(loaded));
  registry.publish(configuredToolGroup, configured.update(definitions));
  const kinds = new Map(definitions.map(({ name, target }) => [name, target.type]));
  return {
    registry,
    kindOf: (name: string): string =>
      registry.find(name)?.source === 'builtin' ? builtinKind : (kinds.get(name) ?? ''),
    permits: createAccessList({ allow, deny }).permits,
    dispose: configured.dispose,
  };
}

/** Where relative paths of tools start. */
export function toolsDirectory({ file }: Pick<LoadedConfig, 'file'>): string {
  return file === undefined ? process.cwd() : dirname(file);
}

function parseArguments(text: string): ToolArguments {
  let value: unknown;
  try {
    value = JSON.parse(text);
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
