import type { TaskMail } from './mail.ts';

/** Mail of one tool that is told together. A plain delivery has one task; more only after the mailbox was full. */
export interface MailboxItem {
  readonly tool: string;
  /** Oldest first. */
  readonly taskIds: readonly string[];
  readonly newest: TaskMail;
}

/** Results that wait to be told, oldest first. */
export type Mailbox = readonly MailboxItem[];

export const emptyMailbox: Mailbox = [];

export interface Delivery {
  readonly mailbox: Mailbox;
  /** Tasks that had to give way and will not be announced; never silently: the caller reports them. */
  readonly expired: readonly string[];
}

/** Tasks that one item may stand for; the task store keeps no more results than about this. */
const maxTasksPerItem = 256;

/**
 * Adds mail at the end, once per task. In a full mailbox the items of each tool become one, at the place of the oldest;
 * if that is not enough, the oldest item gives way.
 */
export function deliver(mailbox: Mailbox, mail: TaskMail, capacity: number): Delivery {
  if (mailbox.some(({ taskIds }) => taskIds.includes(mail.taskId))) return { mailbox, expired: [] };
  const grown = [...mailbox, { tool: mail.tool, taskIds: [mail.taskId], newest: mail }];
  if (grown.length <= capacity) return { mailbox: grown, expired: [] };
  const { mailbox: joined, expired } = joinByTool(grown);
  const surplus = joined.slice(0, Math.max(0, joined.length - capacity));
  return { mailbox: joined.slice(surplus.length), expired: [...expired, ...taskIdsOf(surplus)] };
}

/** Forgets tasks that were told or need not be told any more. */
export function withdraw(mailbox: Mailbox, ids: readonly string[]): Mailbox {
  const gone = new Set(ids);
  if (!mailbox.some(({ taskIds }) => taskIds.some((id) => gone.has(id)))) return mailbox;
  return mailbox.flatMap((item) => {
    const left = item.taskIds.filter((id) => !gone.has(id));
    return left.length === 0 ? [] : [{ ...item, taskIds: left }];
  });
}

export function taskIdsOf(mailbox: Mailbox): readonly string[] {
  return mailbox.flatMap(({ taskIds }) => taskIds);
}

function joinByTool(mailbox: Mailbox): Delivery {
  const byTool = new Map<string, MailboxItem>();
  const expired: string[] = [];
  for (const item of mailbox) {
    const earlier = byTool.get(item.tool);
    const taskIds = [...(earlier?.taskIds ?? []), ...item.taskIds];
    expired.push(...taskIds.splice(0, Math.max(0, taskIds.length - maxTasksPerItem)));
    byTool.set(item.tool, { ...item, taskIds });
  }
  return { mailbox: [...byTool.values()], expired };
}
