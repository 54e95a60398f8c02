import { type SystemTime, sinceMs } from '../core/system-time.ts';
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
  time: SystemTime,
): TaskRecord | undefined {
  const candidates = keeper
    .list()
    .filter((task) => task.tool === toolName && task.state === 'done' && isUndelivered(task))
    .flatMap(({ id }) => keeper.get(id) ?? [])
    // A result of another boot of the device is as old as a restart takes, at least.
    .filter(({ finished }) => (sinceMs(finished, time) ?? Number.POSITIVE_INFINITY) <= maxAgeMs);
  if (candidates.length === 0) return undefined;
  const key = canonicalArguments(args);
  return candidates.findLast((task) => key !== undefined && canonicalArguments(task.args) === key);
}
