import type { Clock, TimerHandle } from '../core/clock.ts';
import { type ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import { dateOf, momentOf, type SystemTime, sinceMs } from '../core/system-time.ts';
import type { TaskJournal } from '../ports/task-journal.ts';
import {
  foldJournal,
  isFinished,
  isUndelivered,
  type JournalEntry,
  mustBeTold,
  type TaskRecord,
} from './task-record.ts';

export interface RetentionLimits {
  /** Finished tasks that are kept; told ones go first. */
  readonly maxKept: number;
  /** A result that could not be told for this long is given up. */
  readonly expireAfterMs: number;
}

/** `age`: it could not be told for too long. `room`: too many wait; the task itself is forgotten, too. */
export type ExpiryReason = 'age' | 'room';

export interface TaskStoreParts {
  readonly journal: TaskJournal;
  readonly clock: Clock;
  readonly time: SystemTime;
  readonly limits: RetentionLimits;
  /** A result that nobody was told has been given up. */
  readonly onExpired: (task: TaskRecord, why: ExpiryReason) => void;
  /** The disk refuses; told once per streak of failures. */
  readonly onProblem: (error: ClientError) => void;
}

const maxKeptCharacters = 2_000_000;
const minRewriteBytes = 1024 * 1024;
const retryMs = 30_000;
/** How often dates are put right: a power cut leaves no time for it. */
const lookMs = 60_000;
/** A date that is off by less is right enough. */
const dateToleranceMs = 2000;
/** Refused promises whose traces may still be on disk; more than this many while the disk is full leave theirs. */
const maxRefused = 64;

/**
 * All tasks in memory, and on disk before anybody is told of them. What the disk refuses later is kept in memory and saved
 * as soon as it can be, so a full disk never stops the device.
 */
export class TaskStore {
  readonly #parts: TaskStoreParts;
  #tasks = new Map<string, TaskRecord>();
  #nextNumber = 1;
  /** Set when the journal could not even be read: ids might be given twice, so nothing is accepted. */
  #unreadable: ClientError | undefined;
  readonly #unsaved = new Set<string>();
  readonly #refused = new Set<string>();
  /**
   * When results of earlier boots became known, in ms of this one. How old they are is read off the dates once, at the
   * start; of this boot's results the moment is known, and no date counts.
   */
  readonly #knownSinceMs = new Map<string, number>();
  /** Somebody has tried to tell these results since the start. A date may be wrong, so none expires before. */
  readonly #tried = new Set<string>();
  #failing = false;
  #rewriteAtBytes = minRewriteBytes;
  #retryTimer: TimerHandle;
  #lookTimer: TimerHandle;
  #closed = false;

  constructor(parts: TaskStoreParts) {
    this.#parts = parts;
  }

  /** Reads the journal; never rejects. */
  async load(): Promise<void> {
    try {
      const { entries, damaged } = await this.#parts.journal.open();
      const { tasks, nextNumber } = foldJournal(entries);
      this.#tasks = tasks;
      // Each lost entry may have been the promise of one more task.
      this.#nextNumber = nextNumber + damaged;
    } catch (thrown) {
      this.#unreadable = toClientError(thrown, ErrorCode.stateUnwritable);
      this.#parts.onProblem(this.#unreadable);
    }
    const { time } = this.#parts;
    for (const { id, state, finishedAtMs } of this.#tasks.values()) {
      const ageMs = Math.max(0, time.wallMs() - (finishedAtMs ?? Number.POSITIVE_INFINITY));
      if (isFinished(state)) this.#knownSinceMs.set(id, time.bootMs() - ageMs);
    }
    this.#look();
    this.#prune();
  }

  get(id: string): TaskRecord | undefined {
    return this.#tasks.get(id);
  }

  /** Oldest first. */
  all(): readonly TaskRecord[] {
    return [...this.#tasks.values()];
  }

  /**
   * A new task, on disk when this resolves; until then it is `accepted`.
   * @throws ClientError STATE_UNWRITABLE; then there is no such task.
   */
  async add(fields: Pick<TaskRecord, 'tool' | 'args' | 'channel' | 'announce'>): Promise<TaskRecord> {
    if (this.#unreadable) throw this.#unreadable;
    const id = `t${this.#nextNumber}`;
    this.#nextNumber += 1;
    const { time } = this.#parts;
    const task: TaskRecord = {
      ...fields,
      id,
      state: 'accepted',
      acceptedAtMs: time.wallMs(),
      accepted: momentOf(time),
      runs: 1,
      text: '',
    };
    this.#tasks.set(id, task);
    try {
      await this.#append([{ kind: 'task', next: this.#nextNumber, task: { ...task, state: 'running' } }]);
    } catch (thrown) {
      this.#tasks.delete(id);
      if (this.#refused.size < maxRefused) this.#refused.add(id);
      throw thrown;
    }
    const running: TaskRecord = { ...task, state: 'running' };
    this.#tasks.set(id, running);
    return running;
  }

  /** An attempt to tell these results has failed: from now on they may become too old. */
  markTried(ids: readonly string[]): void {
    for (const id of ids) if (this.#tasks.has(id)) this.#tried.add(id);
    this.#expireOld();
  }

  /** Changes a task at once, with the time of its end where this ends it; resolves when that is on disk, or when the disk refused it for now. Never rejects. */
  async change(id: string, changes: Partial<TaskRecord>): Promise<void> {
    const before = this.#tasks.get(id);
    if (!before) return;
    const { time } = this.#parts;
    const ends = changes.state !== undefined && isFinished(changes.state) && !isFinished(before.state);
    const end = ends ? { finishedAtMs: time.wallMs(), finished: momentOf(time) } : {};
    const task = { ...before, ...changes, ...end };
    this.#tasks.set(id, task);
    await this.#save({ kind: 'task', next: this.#nextNumber, task }, [id]);
    this.#prune();
  }

  /** The result is to be told here, too. */
  async announce(id: string): Promise<void> {
    if (this.#tasks.get(id)?.announce === false) await this.change(id, { announce: undefined });
  }

  /** The result has been told. Ids that are unknown or told already are skipped; the rest is returned. */
  markTold(ids: readonly string[]): readonly string[] {
    return this.#close(ids, 'told');
  }

  /** These are about to be told; resolves when that is on disk, or when the disk refused it for now. Never rejects. */
  async markSent(ids: readonly string[]): Promise<void> {
    const atMs = this.#parts.time.wallMs();
    const open = this.#undelivered(ids);
    for (const task of open) this.#tasks.set(task.id, { ...task, sentAtMs: atMs });
    const openIds = open.map(({ id }) => id);
    if (openIds.length > 0)
      await this.#save({ kind: 'sent', next: this.#nextNumber, ids: openIds, atMs }, openIds);
  }

  /** Nobody can have heard these: the next telling is the first. */
  markUnsent(ids: readonly string[]): void {
    const open = this.#undelivered(ids).filter(({ sentAtMs }) => sentAtMs !== undefined);
    for (const task of open) this.#tasks.set(task.id, { ...task, sentAtMs: undefined });
    const openIds = open.map(({ id }) => id);
    if (openIds.length > 0)
      void this.#save({ kind: 'unsent', next: this.#nextNumber, ids: openIds }, openIds);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#parts.clock.clearTimeout(this.#retryTimer);
    this.#parts.clock.clearTimeout(this.#lookTimer);
    this.#putDatesRight();
    if (this.#unsaved.size > 0) await this.#append([]).catch(() => {});
    await this.#parts.journal.close();
  }

  #close(ids: readonly string[], kind: 'told' | 'expired'): readonly string[] {
    const open = this.#undelivered(ids).map(({ id }) => id);
    if (open.length === 0) return open;
    const atMs = this.#parts.time.wallMs();
    const field = kind === 'told' ? 'deliveredAtMs' : 'expiredAtMs';
    for (const id of open) this.#tasks.set(id, { ...(this.#tasks.get(id) as TaskRecord), [field]: atMs });
    void this.#save({ kind, next: this.#nextNumber, ids: open, atMs }, open);
    return open;
  }

  #undelivered(ids: readonly string[]): readonly TaskRecord[] {
    return [...new Set(ids)].flatMap((id) => {
      const task = this.#tasks.get(id);
      return task !== undefined && isUndelivered(task) ? [task] : [];
    });
  }

  #expire(ids: readonly string[], why: ExpiryReason): void {
    const expired = this.#close(ids, 'expired').flatMap((id) => this.#tasks.get(id) ?? []);
    for (const task of expired) this.#parts.onExpired(task, why);
  }

  async #save(entry: JournalEntry, ids: readonly string[]): Promise<void> {
    try {
      await this.#append([entry]);
    } catch {
      for (const id of ids) this.#unsaved.add(id);
      this.#retryLater();
    }
  }

  async #append(entries: readonly JournalEntry[]): Promise<void> {
    const unsaved = [...this.#unsaved];
    const refused = [...this.#refused];
    try {
      await this.#parts.journal.append([...this.#catchUp(unsaved, refused), ...entries]);
    } catch (thrown) {
      const error = toClientError(thrown, ErrorCode.stateUnwritable);
      if (!this.#failing) this.#parts.onProblem(error);
      this.#failing = true;
      throw error;
    }
    this.#failing = false;
    for (const id of unsaved) this.#unsaved.delete(id);
    for (const id of refused) this.#refused.delete(id);
    await this.#rewriteIfLarge();
  }

  #catchUp(unsaved: readonly string[], refused: readonly string[]): JournalEntry[] {
    const entries = unsaved.flatMap((id) => this.#entryOf(this.#tasks.get(id)));
    const next = this.#nextNumber;
    return refused.length === 0 ? entries : [...entries, { kind: 'forgotten', next, ids: [...refused] }];
  }

  #entryOf(task: TaskRecord | undefined): JournalEntry[] {
    if (!task) return [];
    const state = task.state === 'accepted' ? 'running' : task.state;
    return [{ kind: 'task', next: this.#nextNumber, task: { ...task, state } }];
  }

  async #rewriteIfLarge(): Promise<void> {
    const { journal } = this.#parts;
    if (journal.sizeBytes < this.#rewriteAtBytes) return;
    // Set before the wait, so that the appends of the meantime do not ask again.
    this.#rewriteAtBytes = journal.sizeBytes * 2;
    try {
      await journal.rewrite(() => this.all().flatMap((task) => this.#entryOf(task)));
      this.#rewriteAtBytes = Math.max(minRewriteBytes, journal.sizeBytes * 4);
    } catch (thrown) {
      this.#parts.onProblem(toClientError(thrown, ErrorCode.stateUnwritable));
    }
  }

  #retryLater(): void {
    if (this.#retryTimer !== undefined || this.#closed) return;
    this.#retryTimer = this.#parts.clock.setTimeout(() => {
      this.#retryTimer = undefined;
      this.#append([]).catch(() => this.#retryLater());
    }, retryMs);
  }

  #look(): void {
    if (this.#closed) return;
    this.#putDatesRight();
    this.#expireOld();
    this.#lookTimer = this.#parts.clock.setTimeout(() => this.#look(), lookMs);
  }

  /** The clock was set: what happened in this boot happened at another date than was noted. */
  #putDatesRight(): void {
    const { time } = this.#parts;
    const corrected: TaskRecord[] = [];
    for (const task of this.#tasks.values()) {
      const acceptedAtMs = rightDate(task.acceptedAtMs, dateOf(task.accepted, time));
      const finishedAtMs = rightDate(task.finishedAtMs, dateOf(task.finished, time));
      if (acceptedAtMs === task.acceptedAtMs && finishedAtMs === task.finishedAtMs) continue;
      const right = { ...task, acceptedAtMs: acceptedAtMs ?? task.acceptedAtMs, finishedAtMs };
      this.#tasks.set(task.id, right);
      if (!isFinished(task.state) || isUndelivered(task)) corrected.push(right);
    }
    if (corrected.length === 0) return;
    for (const { id } of corrected) this.#unsaved.add(id);
    this.#append([]).catch(() => this.#retryLater());
  }

  #expireOld(): void {
    const { expireAfterMs } = this.#parts.limits;
    const old = this.all().filter(
      (task) => this.#tried.has(task.id) && isUndelivered(task) && this.#ageMs(task) > expireAfterMs,
    );
    this.#expire(
      old.map(({ id }) => id),
      'age',
    );
  }

  #ageMs({ id, finished }: TaskRecord): number {
    const { time } = this.#parts;
    return sinceMs(finished, time) ?? time.bootMs() - (this.#knownSinceMs.get(id) ?? time.bootMs());
  }

  #prune(): void {
    const finished = this.all().filter(({ state }) => isFinished(state));
    let characters = finished.reduce((sum, { text }) => sum + text.length, 0);
    let count = finished.length;
    const order = [...finished.filter((task) => !mustBeTold(task)), ...finished.filter(mustBeTold)];
    for (const { id, text } of order) {
      if (count <= this.#parts.limits.maxKept && characters <= maxKeptCharacters) return;
      this.#expire([id], 'room');
      this.#tasks.delete(id);
      this.#knownSinceMs.delete(id);
      this.#tried.delete(id);
      count -= 1;
      characters -= text.length;
    }
  }
}

function rightDate(notedMs: number | undefined, rightMs: number | undefined): number | undefined {
  if (notedMs === undefined || rightMs === undefined) return notedMs;
  return Math.abs(rightMs - notedMs) > dateToleranceMs ? rightMs : notedMs;
}
