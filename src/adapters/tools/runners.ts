import type { ToolDefinition, ToolTarget } from '../../ports/tool-definition.ts';
import { createCozeRunner } from './coze.ts';
import { createCustomRunner } from './custom.ts';
import { createHttpRunner } from './http.ts';
import type { RunnerDeps, ToolRunner } from './runner.ts';
import { createSubprocessRunner } from './subprocess.ts';
import { createTcpRunner } from './tcp.ts';
import { createUnixRunner } from './unix.ts';
import { createWebSocketRunner } from './websocket.ts';

type Factories = {
  readonly [Type in ToolTarget['type']]: (
    definition: ToolDefinition<Extract<ToolTarget, { readonly type: Type }>>,
    deps: RunnerDeps,
  ) => ToolRunner;
};

/** One line per kind of tool. */
const factories: Factories = {
  subprocess: createSubprocessRunner,
  http: createHttpRunner,
  tcp: createTcpRunner,
  unix: createUnixRunner,
  websocket: createWebSocketRunner,
  coze: createCozeRunner,
  custom: createCustomRunner,
};

/**
 * The runner of a configured tool. Costs next to nothing until the first call. Runners made with the same `deps` object
 * share their WebSocket connections and the processes of their modules.
 */
export function createToolRunner(definition: ToolDefinition, deps: RunnerDeps): ToolRunner {
  const create = factories[definition.target.type] as (
    definition: ToolDefinition,
    deps: RunnerDeps,
  ) => ToolRunner;
  return create(definition, deps);
}
