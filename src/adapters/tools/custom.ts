import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClientError } from '../../core/errors.ts';
import { parseExact, unkeptNumber, withDoubles } from '../../core/exact-json.ts';
import type { Logger } from '../../core/logger.ts';
import { nextLoopTurn } from '../../core/loop-turns.ts';
import { secretsOfSettings } from '../../core/secrets.ts';
import { foreignWords, words } from '../../core/words.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { ModuleTarget, ToolDefinition } from '../../ports/tool-definition.ts';
import { createDeviceModule, createWorkerModule, type LoadedModule } from './loaded-module.ts';
import type { ModuleOutcome } from './module-host.ts';
import { maxAnswerBytes, type RunnerDeps, type ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import { SharedParts } from './shared-parts.ts';
import { createFailureMaker, type FailureMaker } from './tool-failure.ts';

const maxLoggedCharacters = 1000;
/** By place and path. */
const modules = new SharedParts<LoadedModule>();

/** Calls a function of a JavaScript module: `(args, {signal, context}) => result`. Tools of one module share its process. */
export function createCustomRunner(
  { name, target }: ToolDefinition<ModuleTarget>,
  deps: RunnerDeps,
): ToolRunner {
  const file = resolve(deps.baseDirectory, target.module);
  const { part: module, release } = modules.acquire(deps, `${target.runsIn} ${file}`, () => {
    const url = pathToFileURL(file).href;
    return target.runsIn === 'device' ? createDeviceModule(url) : createWorkerModule(url, deps);
  });
  const failure = createFailureMaker(name, secretsOfSettings(target.context));
  const runs = createRuns(failure);

  const call = async (args: ToolArguments, signal: AbortSignal, log: Logger): Promise<ToolOutput> => {
    const unkept = unkeptNumber(args);
    if (unkept) throw failure.failed(words('numberUnkept', { number: failure.quoted(unkept.text) }));
    const version = await versionOf(file, target.module, failure);
    const { function: functionName, context } = target;
    try {
      const outcome = await module.call(
        { function: functionName, args: withDoubles(args) as ToolArguments, context },
        version,
        signal,
      );
      if (signal.aborted) throw failure.aborted(signal);
      await nextLoopTurn();
      return outputOfOutcome(outcome, failure);
    } catch (thrown) {
      if (signal.aborted) throw failure.aborted(signal);
      throw thrown instanceof ClientError ? thrown : failure.failed(failure.reasonIn(thrown), thrown);
    } finally {
      const printed = module.takePrinted();
      if (printed !== '')
        log.debug('The module of a tool printed', { printed: failure.quoted(printed, maxLoggedCharacters) });
    }
  };

  return {
    run: (args, { signal, log }) => runs.track(signal, (own) => call(args, own, log)),
    dispose: async () => {
      await runs.dispose();
      await release();
    },
  };
}

/** Another one when the file has been written since. */
async function versionOf(file: string, shown: string, failure: FailureMaker): Promise<string> {
  try {
    const { mtimeMs, size } = await stat(file);
    return `${mtimeMs}-${size}`;
  } catch (cause) {
    throw failure.failed(words('moduleMissing', { module: shown }), cause);
  }
}

function outputOfOutcome(outcome: ModuleOutcome, failure: FailureMaker): ToolOutput {
  switch (outcome.kind) {
    case 'text':
      return { kind: 'text', text: outcome.text };
    case 'json':
      return { kind: 'json', value: parseExact(outcome.json) };
    case 'failed':
      throw failure.failed(
        outcome.message === '' ? words('gaveNoReason') : foreignWords(sentence(outcome, failure)),
      );
    case 'no-function':
      throw failure.failed(words('functionMissing', { name: failure.quoted(outcome.name) }));
    case 'unloadable':
      throw failure.failed(words('moduleUnloadable', { text: sentence(outcome, failure) }));
    case 'too-large':
      throw failure.tooLarge(maxAnswerBytes);
  }
}

/** A message without the full stop, which ours brings. */
function sentence({ message }: { readonly message: string }, failure: FailureMaker): string {
  return failure.quoted(message).replace(/\.$/, '');
}
