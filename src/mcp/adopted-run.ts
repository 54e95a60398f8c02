import { ClientError, ErrorCode } from '../core/errors.ts';
import type { TaskRun } from './task-run.ts';
import type { Tool, ToolOutput } from './tool.ts';

/** The tool as the keeper of tasks gets it when its run has begun already: it "runs" by waiting for that run. */
export function adopted(tool: Tool, run: TaskRun): Tool {
  return {
    ...tool,
    run: async (_args, { signal }): Promise<ToolOutput> => {
      signal.addEventListener('abort', () => run.cancel(), { once: true });
      const result = await run.result;
      if (result.kind === 'done') return result.output;
      throw result.kind === 'failed' ? result.error : wasCancelled(tool);
    },
  };
}

export const wasCancelled = ({ name }: Tool): ClientError =>
  new ClientError(ErrorCode.toolCancelled, `The call of ${name} was cancelled.`);
