import { canonicalArguments } from './task-arguments.ts';
import { isUndelivered, type TaskRecord } from './task-record.ts';
import type { TaskKeeper } from './tasks.ts';
import type { ToolArguments } from './tool.ts';

/** Later the world may have changed: the tool is run again. */
const maxAgeMs = 60_000;

/** The latest good result of the same call that nobody has been told and that is still fresh. */
export function findFinished(
  keeper: TaskKeeper,
  toolName: string,
  args: ToolArguments,
  wallNowMs: number,
): TaskRecord | undefined {
  const candidates = keeper
    .list()
    .filter(
      (task) =>
        task.tool === toolName &&
        task.state === 'done' &&
        isUndelivered(task) &&
        Math.abs(wallNowMs - (task.finishedAtMs ?? 0)) <= maxAgeMs,
    );
  if (candidates.length === 0) return undefined;
  const key = canonicalArguments(args);
  return candidates
    .map(({ id }) => keeper.get(id))
    .findLast((task) => task !== undefined && key !== undefined && canonicalArguments(task.args) === key);
}
