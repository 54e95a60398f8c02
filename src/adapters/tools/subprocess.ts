import { resolve } from 'node:path';
import type { ClientError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/exact-json.ts';
import type { Logger } from '../../core/logger.ts';
import { nextLoopTurn } from '../../core/loop-turns.ts';
import type { Quote } from '../../core/quoting.ts';
import { secretsOfArguments, secretsOfSettings } from '../../core/secrets.ts';
import { words } from '../../core/words.ts';
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
    return outputOfRun(result, failure, { encoding: target.encoding, env: place.env });
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
  const [program, ...fixed] = target.command;
  const filled = fillArguments(target.args, args, fixed.includes('--'));
  if ('fault' in filled) {
    const { name } = filled;
    throw failure.failed(
      filled.fault === 'nul' ? words('zeroByte', { name }) : words('likeOption', { name }),
    );
  }
  return {
    program,
    args: [...fixed, ...filled.words],
    input: stringifyExact(args) ?? '',
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
      return failure.failed(words('notExecutable', { program }), thrown);
    case 'E2BIG':
      return failure.failed(words('argumentsTooLong'), thrown);
    default:
      return failure.unreachable(thrown);
  }
}

function outputOfRun(
  { exitCode, exitSignal, stdout, stderr, overflow }: ChildResult,
  failure: FailureMaker,
  how: Parameters<typeof textOf>[1],
) {
  if (overflow) throw failure.tooLarge(maxAnswerBytes);
  const text = textOf(stdout, how);
  if (exitCode !== 0) {
    const what =
      exitCode === null
        ? words('endedBySignal', { signal: exitSignal ?? '' })
        : words('exitCode', { code: exitCode });
    const last = failure.quoted(lastLine(stderr) || lastLine(text ?? ''));
    throw failure.failed(last === '' ? what : words('remarked', { text: last.replace(/\.$/, ''), what }));
  }
  if (text === undefined) throw failure.badOutput(words('printedBinary'));
  return outputOf(text);
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
