import { resolve } from 'node:path';
import type { ToolDefinition, UnixTarget } from '../../ports/tool-definition.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createStreamRunner } from './stream-call.ts';
import { createFailureMaker } from './tool-failure.ts';

/** Sends each call to a unix socket and reads one framed answer. */
export function createUnixRunner(
  { name, target }: ToolDefinition<UnixTarget>,
  { baseDirectory }: RunnerDeps,
): ToolRunner {
  const path = resolve(baseDirectory, target.path);
  return createStreamRunner({ path }, target, createFailureMaker(name));
}
