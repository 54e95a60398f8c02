import { createControlClient } from '../adapters/control/control-client.ts';
import { controlSocketPath } from '../config/control-socket.ts';
import { loadConfig, stateDirectory } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { DeviceState, Verb } from '../ports/verbs.ts';
import { type CommandAction, ExitCode } from './context.ts';
import { readVerb, stateLine } from './verb-words.ts';

export interface VerbOptions extends RunOptions {
  /** The verb and its words, as on a line. */
  readonly line: string;
  /** The answer as JSON, for scripts. */
  readonly json?: boolean | undefined;
}

/** Asks the running device to do something and prints the state after it. */
export const verbAction: CommandAction<VerbOptions> = async ({ line, json, ...options }, context) => {
  const verb = readVerb(line);
  if (verb === 'quit' || 'fault' in verb)
    throw new ClientError(ErrorCode.usageInvalid, verb === 'quit' ? 'Stop it with Ctrl-C.' : verb.fault);
  const { config } = await loadConfig({
    configFile: options.config,
    overrides: runOptionOverrides(options),
    env: context.env,
  });
  const path = controlSocketPath(config, stateDirectory(config, context.env), context.env);
  const { ask } = createControlClient(path, context.stop);
  const { verb: name, ...body } = verb;
  const hasBody = Object.keys(body).length > 0;
  const state = (await ask(
    'POST',
    `/v1/${name satisfies Verb['verb']}`,
    hasBody ? body : undefined,
  )) as DeviceState;
  context.stdout.write(json ? `${JSON.stringify(state, null, 2)}\n` : `${stateLine(state)}\n`);
  return ExitCode.done;
};
