import { dirname } from 'node:path';
import { createConfiguredTools } from '../adapters/tools/configured-tools.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { parseToolsConfig } from '../config/tools.ts';
import { monotonicClock } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { printableText } from '../core/printable-text.ts';
import { createAccessList } from '../mcp/access-list.ts';
import { checkArguments } from '../mcp/arguments.ts';
import { textOf } from '../mcp/result.ts';
import { startTaskRun } from '../mcp/task-run.ts';
import type { Tool, ToolArguments, ToolOutput } from '../mcp/tool.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';

/** Configuration options as in `run`. */
export type ToolsListOptions = RunOptions;

export interface ToolsCallOptions extends RunOptions {
  readonly name: string;
  /** A JSON object; `{}` when not given. */
  readonly args?: string | undefined;
}

/** One line per configured tool that is allowed: name, mode, kind and description. */
export const toolsListAction: CommandAction<ToolsListOptions> = async (options, context) => {
  const { tools, permits, kinds } = await openTools(options, context);
  const rows = tools.filter(({ name }) => permits(name));
  if (rows.length === 0) {
    context.stdout.write('No tools are configured. config/TOOLS.md shows how to add one.\n');
    return ExitCode.done;
  }
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, mode, description } of rows) {
    const cells = [name.padEnd(width), mode.padEnd(10), (kinds.get(name) ?? '').padEnd(10)];
    context.stdout.write(`${cells.join('  ')}  ${printableText(description, 200)}\n`);
  }
  return ExitCode.done;
};

/**
 * Calls one configured tool as the model would and prints its whole result; whatever its mode, the command waits for it.
 * Ctrl-C stops the tool.
 */
export const toolsCallAction: CommandAction<ToolsCallOptions> = async (options, context) => {
  const { tools, permits, dispose } = await openTools(options, context);
  try {
    const tool = tools.find(({ name }) => name === options.name);
    if (!tool || !permits(tool.name)) throw unknownTool(options.name);
    const output = await run(tool, checkArguments(tool, parseArguments(options.args ?? '{}')), context.stop);
    if (output === undefined) return ExitCode.failed;
    context.stdout.write(`${textOf(output) ?? '(a picture)'}\n`);
    return ExitCode.done;
  } finally {
    await dispose();
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

async function openTools(options: RunOptions, { env }: CliContext) {
  const loaded = await loadConfig({
    configFile: options.config,
    overrides: runOptionOverrides(options),
    env,
  });
  const { tools: definitions, allow, deny } = parseToolsConfig(loaded.config.mcp);
  const configured = createConfiguredTools({
    clock: monotonicClock,
    logger: silentLogger,
    env,
    baseDirectory: toolsDirectory(loaded),
  });
  const access = createAccessList({ allow, deny });
  return {
    tools: configured.update(definitions),
    kinds: new Map(definitions.map(({ name, target }) => [name, target.type])),
    permits: access.permits,
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
