import { resolve } from 'node:path';
import type { ToolDefinition, UnixTarget } from '../../ports/tool-definition.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createStreamRunner } from './stream-call.ts';
import { createFailureMaker } from './tool-failure.ts';

/** Sends each call to a unix socket and reads one framed answer. */
export function createUnixRunner({ name, target }: ToolDefinition<UnixTarget>, deps: RunnerDeps): ToolRunner {
  const path = resolve(deps.baseDirectory, target.path);
  return createStreamRunner({ path }, target, createFailureMaker(name), deps);
}
