import { z } from 'zod';
import { type Words, wordsFrom } from '../core/words.ts';
import type { ToolArguments } from './tool.ts';

/**
 * `accepted`: promised, not yet on disk. `running`. `done` and `failed`: has a result. `cancelled`: somebody stopped it and
 * knows. `interrupted`: the device ended while it ran and it must not be run again by itself.
 */
export type TaskState = 'accepted' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';

export interface TaskSummary {
  /** Short enough to be spoken: t1, t2 …; never given away twice. */
  readonly id: string;
  readonly tool: string;
  readonly state: TaskState;
  /** Wall-clock times, ms since 1970. */
  readonly acceptedAtMs: number;
  readonly finishedAtMs?: number | undefined;
  /** When the person or the model was told the result; absent: still to be told, or nothing to tell. */
  readonly deliveredAtMs?: number | undefined;
  /** When the device began to tell it; whether anybody heard it is not known before `deliveredAtMs`. */
  readonly sentAtMs?: number | undefined;
  /** When the device gave up telling it (too old, or too many). */
  readonly expiredAtMs?: number | undefined;
  /** `false`: whoever asked hears of it elsewhere; the result is kept to be read and never becomes mail. */
  readonly announce?: false | undefined;
}

export interface TaskRecord extends TaskSummary {
  readonly args: ToolArguments;
  /** Which server asked. */
  readonly channel: string;
  /** How often it was begun since the device last ended cleanly; more than once for an idempotent tool after a crash. */
  readonly runs: number;
  /** The result as text, or what went wrong as a sentence; at most 50 000 characters. */
  readonly text: string;
  /** What `text` says, where that is ours: in any language. */
  readonly words?: Words | undefined;
  /** Length of the whole result when `text` is only its beginning. */
  readonly cutFromCharacters?: number | undefined;
}

/** Result, and nobody has been told. */
export function isUndelivered({ state, deliveredAtMs, expiredAtMs }: TaskSummary): boolean {
  return (
    isFinished(state) && state !== 'cancelled' && deliveredAtMs === undefined && expiredAtMs === undefined
  );
}

/** Undelivered, and this loudspeaker is where it is told. */
export function mustBeTold(task: TaskSummary): boolean {
  return isUndelivered(task) && task.announce !== false;
}

export function isFinished(state: TaskState): boolean {
  return state !== 'accepted' && state !== 'running';
}

export function summaryOf(record: TaskRecord): TaskSummary {
  const { id, tool, state, acceptedAtMs, finishedAtMs, deliveredAtMs, expiredAtMs, announce } = record;
  const kept = announce === false ? { announce } : {};
  return { id, tool, state, acceptedAtMs, finishedAtMs, deliveredAtMs, expiredAtMs, ...kept };
}

/** Number in an id: 12 for t12. */
export function taskNumber(id: string): number {
  return Number(id.slice(1));
}

const time = z.number();
const taskId = z.string().regex(/^t\d{1,15}$/);

const Task = z.object({
  id: taskId,
  tool: z.string(),
  state: z.enum(['accepted', 'running', 'done', 'failed', 'cancelled', 'interrupted']),
  acceptedAtMs: time,
  finishedAtMs: time.optional(),
  deliveredAtMs: time.optional(),
  sentAtMs: time.optional(),
  expiredAtMs: time.optional(),
  announce: z.literal(false).optional(),
  args: z.record(z.string(), z.unknown()),
  channel: z.string(),
  runs: z.int(),
  text: z.string(),
  words: z.custom<Words>().optional(),
  cutFromCharacters: z.int().optional(),
});

/**
 * `next`: number of the next id, in every entry, so that no id comes back however much of the journal is lost. `task`
 * replaces all that was known of it; `sent` (it is about to be told), `unsent` (it surely was not heard), `told` and
 * `expired` are short forms for the most frequent changes of a record that may be long.
 */
const Entry = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('task'), next: z.int(), task: Task }),
  z.object({ kind: z.literal('told'), next: z.int(), ids: z.array(taskId), atMs: time }),
  z.object({ kind: z.literal('sent'), next: z.int(), ids: z.array(taskId), atMs: time }),
  z.object({ kind: z.literal('unsent'), next: z.int(), ids: z.array(taskId) }),
  z.object({ kind: z.literal('expired'), next: z.int(), ids: z.array(taskId), atMs: time }),
  z.object({ kind: z.literal('forgotten'), next: z.int(), ids: z.array(taskId) }),
]);

export type JournalEntry = z.input<typeof Entry>;

export interface FoldedTasks {
  readonly tasks: Map<string, TaskRecord>;
  readonly nextNumber: number;
  /** Entries whose shape this version does not know. */
  readonly unknown: number;
}

/** What the entries of a journal amount to; tasks in the order of their ids. Never throws. */
export function foldJournal(entries: readonly unknown[]): FoldedTasks {
  const tasks = new Map<string, TaskRecord>();
  let nextNumber = 1;
  let unknown = 0;
  for (const raw of entries) {
    const parsed = Entry.safeParse(raw);
    if (parsed.success) {
      nextNumber = Math.max(nextNumber, parsed.data.next);
      apply(tasks, parsed.data);
    } else unknown += 1;
  }
  for (const id of tasks.keys()) nextNumber = Math.max(nextNumber, taskNumber(id) + 1);
  const inOrder = [...tasks.values()].sort((a, b) => taskNumber(a.id) - taskNumber(b.id));
  return { tasks: new Map(inOrder.map((task) => [task.id, task])), nextNumber, unknown };
}

/** Words of a version that knows others are told as the text that stands beside them. */
function withKnownWords({ words, ...task }: z.output<typeof Task>): TaskRecord {
  const known = wordsFrom(words);
  return known ? { ...task, words: known } : task;
}

function apply(tasks: Map<string, TaskRecord>, entry: z.output<typeof Entry>): void {
  if (entry.kind === 'task') tasks.set(entry.task.id, withKnownWords(entry.task));
  if (entry.kind === 'forgotten') for (const id of entry.ids) tasks.delete(id);
  if (entry.kind === 'task' || entry.kind === 'forgotten') return;
  for (const id of entry.ids) {
    const task = tasks.get(id);
    if (task) tasks.set(id, { ...task, ...changeOf(entry) });
  }
}

function changeOf(
  entry: Exclude<z.output<typeof Entry>, { kind: 'task' | 'forgotten' }>,
): Partial<TaskRecord> {
  switch (entry.kind) {
    case 'told':
      return { deliveredAtMs: entry.atMs };
    case 'expired':
      return { expiredAtMs: entry.atMs };
    case 'sent':
      return { sentAtMs: entry.atMs };
    case 'unsent':
      return { sentAtMs: undefined };
  }
}
