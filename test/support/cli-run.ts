import { PassThrough } from 'node:stream';
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
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let text = '';
  stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const context = { env, stdin, stdout, stderr, stop } as unknown as CliContext;
  const code = await action(options, context);
  stdout.end();
  if (!stdout.readableEnded) await new Promise((resolve) => stdout.once('end', resolve));
  return { code, stdout: text };
}
