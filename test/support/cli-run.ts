import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CliContext, CommandAction } from '../../src/cli/context.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
}

/** Runs a command's action in this process with streams and environment of its own. */
export async function runAction<Options>(
  action: CommandAction<Options>,
  options: Options,
  env: CliContext['env'],
  stop: AbortSignal = new AbortController().signal,
): Promise<CliResult> {
  const { code, stdout } = await runActionToTheEnd(action, options, env, stop);
  return { code, stdout };
}

/** The same, with what went to standard error. */
export async function runActionToTheEnd<Options>(
  action: CommandAction<Options>,
  options: Options,
  env: CliContext['env'],
  stop: AbortSignal = new AbortController().signal,
): Promise<CliResult & { readonly stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const texts = [stdout, stderr].map((output) => text(output));
  const context = { env, stdin, stdout, stderr, stop } as unknown as CliContext;
  const code = await action(options, context);
  for (const output of [stdout, stderr]) output.end();
  const [out = '', error = ''] = await Promise.all(texts);
  return { code, stdout: out, stderr: error };
}
