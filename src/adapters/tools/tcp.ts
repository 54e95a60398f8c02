import type { TcpTarget, ToolDefinition } from '../../ports/tool-definition.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createStreamRunner } from './stream-call.ts';
import { createFailureMaker } from './tool-failure.ts';

/** Sends each call to a TCP socket and reads one framed answer. */
export function createTcpRunner({ name, target }: ToolDefinition<TcpTarget>, deps: RunnerDeps): ToolRunner {
  const { host, port } = target;
  return createStreamRunner({ host, port, noDelay: true }, target, createFailureMaker(name), deps);
}
