import type { RunnerDeps, ToolRunner } from '../../src/adapters/tools/runner.ts';
import { createToolRunner } from '../../src/adapters/tools/runners.ts';
import { parseCustomMcp } from '../../src/config/custom-mcp.ts';
import { parseToolsConfig } from '../../src/config/tools.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { ToolArguments, ToolOutput } from '../../src/mcp/tool.ts';

export const runnerDeps = (): RunnerDeps => ({
  clock: monotonicClock,
  logger: silentLogger,
  env: process.env,
  baseDirectory: new URL('../fixtures', import.meta.url).pathname,
});

/** A runner for one tool as it stands in a configuration file. */
export function runnerFor(tool: Record<string, unknown>, deps = runnerDeps()): ToolRunner {
  const { tools } = parseToolsConfig({ tools: [{ name: 'probe', description: 'A tool.', ...tool }] });
  const [definition] = tools;
  if (!definition) throw new Error('no tool');
  return createToolRunner(definition, deps);
}

export async function call(
  runner: ToolRunner,
  args: ToolArguments = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ToolOutput> {
  const output = await wholeCall(runner, args, signal);
  return output.kind === 'json' ? { kind: 'json', value: output.value } : output;
}

/** The same with the JSON as it was written. */
export function wholeCall(
  runner: ToolRunner,
  args: ToolArguments = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ToolOutput> {
  return runner.run(args, { signal, deadlineMs: Number.POSITIVE_INFINITY, log: silentLogger });
}

/** Code and sentence of the failure; fails when there is none. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: { code?: string; message: string }) => `${error.code} ${error.message}`,
  );
}

/** A runner for one tool of `customMCP`, of whose entry only the handler matters. */
export function customRunnerFor(handler: Record<string, unknown>, deps = runnerDeps()): ToolRunner {
  const tool = { name: 'probe', description: 'A tool.', handler };
  const { tools, faults } = parseCustomMcp({ tools: [tool] });
  const [definition] = tools;
  if (!definition) throw new Error(faults.join('\n'));
  return createToolRunner(definition, deps);
}
