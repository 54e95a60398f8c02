import { resolve } from 'node:path';
import type { ClientError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { nextLoopTurn } from '../../core/loop-turns.ts';
import type { Quote } from '../../core/quoting.ts';
import { secretsOfArguments, secretsOfSettings } from '../../core/secrets.ts';
import type { ToolArguments, ToolOutput } from '../../mcp/tool.ts';
import type { SubprocessTarget, ToolDefinition } from '../../ports/tool-definition.ts';
import { childEnvironment } from '../../processes/child-environment.ts';
import { notStartedWords } from '../../processes/not-started.ts';
import { newRunMark } from '../../processes/process-tree.ts';
import { type ChildCommand, type ChildResult, runChild } from './child-run.ts';
import { maxAnswerBytes, type RunnerDeps, type ToolRunner } from './runner.ts';
import { createRuns } from './runs.ts';
import { fillArguments } from './template.ts';
import { createFailureMaker, type FailureMaker } from './tool-failure.ts';
import { outputOf, textOf } from './tool-output.ts';

const limits = { graceMs: 2000, maxOutputBytes: maxAnswerBytes, maxStderrBytes: 4096 };
const maxLoggedCharacters = 1000;

/** Runs a program for each call: arguments as JSON on standard input and as words where `args` names them. */
export function createSubprocessRunner(
  definition: ToolDefinition<SubprocessTarget>,
  deps: RunnerDeps,
): ToolRunner {
  const { target, name } = definition;
  const failure = createFailureMaker(name, [
    ...secretsOfSettings(target.env),
    ...secretsOfArguments([...target.command, ...target.args]),
  ]);
  const runs = createRuns(failure);
  const place = {
    cwd: resolve(deps.baseDirectory, target.cwd ?? '.'),
    env: childEnvironment(deps.env, target.env),
  };

  const start = async (args: ToolArguments, signal: AbortSignal, log: Logger): Promise<ToolOutput> => {
    const command = { ...commandFor(target, args, failure), ...place, mark: newRunMark() };
    const result = await runChild(command, { ...limits, clock: deps.clock }, signal).catch(async (thrown) => {
      throw await notStarted(thrown, command, failure);
    });
    logStderr(result, name, failure.quoted, log);
    if (signal.aborted) throw failure.aborted(signal);
    await nextLoopTurn();
    return outputOfRun(result, failure);
  };

  return {
    run: (args, { signal, log }) => runs.track(signal, (own) => start(args, own, log)),
    dispose: runs.dispose,
  };
}

function logStderr({ stderr, exitCode }: ChildResult, tool: string, quoted: Quote, log: Logger): void {
  if (stderr === '') return;
  const fields = { tool, stderr: quoted(stderr, maxLoggedCharacters) };
  if (exitCode === 0) log.debug('The tool wrote to standard error', fields);
  else log.warn('The tool failed and wrote to standard error', fields);
}

function commandFor(target: SubprocessTarget, args: ToolArguments, failure: FailureMaker) {
  const [program, ...words] = target.command;
  const filled = fillArguments(target.args, args, words.includes('--'));
  if ('fault' in filled) {
    throw failure.failed(
      filled.fault === 'nul'
        ? `the value of ${filled.name} holds a zero byte`
        : `the value of ${filled.name} begins with "-" and would be taken for an option`,
    );
  }
  return {
    program,
    args: [...words, ...filled.words],
    input: JSON.stringify(args),
  };
}

async function notStarted(
  thrown: unknown,
  { program, cwd, env }: Pick<ChildCommand, 'program' | 'cwd' | 'env'>,
  failure: FailureMaker,
): Promise<ClientError> {
  switch ((thrown as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return failure.failed(await notStartedWords(program, cwd, env.PATH), thrown);
    case 'EACCES':
      return failure.failed(`the program ${program} may not be executed; chmod +x it`, thrown);
    case 'E2BIG':
      return failure.failed('its arguments are too long for a command line', thrown);
    default:
      return failure.unreachable(thrown);
  }
}

function outputOfRun({ exitCode, exitSignal, stdout, stderr, overflow }: ChildResult, failure: FailureMaker) {
  if (overflow) throw failure.tooLarge(maxAnswerBytes);
  const text = textOf(stdout);
  if (exitCode !== 0) {
    const how = exitCode === null ? `ended by ${exitSignal}` : `exit code ${exitCode}`;
    const last = failure.quoted(lastLine(stderr) || lastLine(text ?? ''));
    throw failure.failed(last === '' ? how : `${last.replace(/\.$/, '')} (${how})`);
  }
  if (text === undefined) throw failure.badOutput('it printed binary data instead of text');
  return outputOf(text);
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
