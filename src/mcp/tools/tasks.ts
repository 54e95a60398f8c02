import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ResultShelf } from '../result-shelf.ts';
import { pageOf, type TextPage } from '../task-text.ts';
import type { TaskSummary, Tasks } from '../tasks.ts';
import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';
import { timerRingName } from './timer-ring.ts';

export interface TaskToolParts {
  readonly tasks: Pick<Tasks, 'list' | 'get' | 'read' | 'cancel' | 'markTold'>;
  readonly shelf: ResultShelf;
}

const pageBytes = 900;
const maxListed = 10;

/** `self.tasks.list`, `self.tasks.read` and `self.tasks.cancel`. */
export function createTaskTools({ tasks, shelf }: TaskToolParts): readonly Tool[] {
  return [
    builtin({
      name: 'self.tasks.list',
      description: 'Background tasks of this device, the newest first, with their state.',
      run: () => Promise.resolve({ kind: 'json', value: newest(tasks.list()).map(described) }),
    }),
    builtin({
      name: 'self.tasks.read',
      description:
        'Result of a background task, or the rest of a result that was too long for one answer.\n' +
        'Args:\n  `task_id`: id of the task or result.\n  `offset`: where to go on, 0 for the beginning.',
      properties: {
        task_id: { type: 'string' },
        offset: { type: 'integer', default: 0, minimum: 0 },
      },
      required: ['task_id'],
      // The page has its own limit; JSON needs more room for quotes and line breaks.
      maxResultBytes: 8000,
      run: (args) => {
        const [id, offset] = [args.task_id as string, args.offset as number];
        return Promise.resolve({ kind: 'json', value: read(id, offset, { tasks, shelf }) });
      },
    }),
    builtin({
      name: 'self.tasks.cancel',
      description: 'Cancel a background task that is running.\nArgs:\n  `task_id`: id of the task.',
      properties: { task_id: { type: 'string' } },
      required: ['task_id'],
      run: (args) => {
        const id = args.task_id as string;
        if (!tasks.get(id)) throw unknownTask(id);
        return Promise.resolve({ kind: 'text', text: String(tasks.cancel(id)) });
      },
    }),
  ];
}

/** Timers have a list of their own. */
function newest(all: readonly TaskSummary[]): readonly TaskSummary[] {
  return all
    .filter(({ tool }) => tool !== timerRingName)
    .slice(-maxListed)
    .reverse();
}

const described = ({ id, tool, state, acceptedAtMs }: TaskSummary) => ({
  task_id: id,
  tool,
  state,
  started: new Date(acceptedAtMs).toISOString(),
});

function read(id: string, offset: number, { tasks, shelf }: TaskToolParts): object {
  const task = tasks.get(id);
  const page = task ? tasks.read(id, offset, pageBytes) : shelvedPage(id, offset, shelf);
  if (!page) throw unknownTask(id);
  const cutFrom = task?.cutFromCharacters;
  // Whoever has read it to the end has been told; what is being announced has been when the person has heard it.
  if (task && task.sentAtMs === undefined && page.nextOffset === undefined) tasks.markTold([id]);
  return {
    task_id: id,
    ...(task && { state: task.state }),
    text: page.text,
    ...(page.nextOffset === undefined &&
      cutFrom !== undefined && { not_kept: cutFrom - (task?.text.length ?? 0) }),
    ...(page.nextOffset !== undefined && { next_offset: page.nextOffset, total: page.totalBytes }),
  };
}

function shelvedPage(id: string, offset: number, shelf: ResultShelf): TextPage | undefined {
  const result = shelf.get(id);
  return result && pageOf(result.text, offset, pageBytes);
}

const unknownTask = (id: string): ClientError =>
  new ClientError(
    ErrorCode.toolArgumentsInvalid,
    `There is no task ${id.slice(0, 20)}; self.tasks.list tells which there are.`,
  );
