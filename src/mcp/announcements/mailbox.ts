import type { TaskMail } from './mail.ts';

/** Mail of one tool that is told together. A plain delivery has one task; more only after the mailbox was full. */
export interface MailboxItem {
  readonly tool: string;
  /** Oldest first. */
  readonly taskIds: readonly string[];
  readonly newest: TaskMail;
}

/** Results that wait to be told, oldest first. In blocks, so that one more does not copy thousands. */
export interface Mailbox {
  readonly length: number;
  readonly blocks: readonly (readonly MailboxItem[])[];
}

export const emptyMailbox: Mailbox = { length: 0, blocks: [] };

export interface Delivery {
  readonly mailbox: Mailbox;
  /** Tasks that had to give way and will not be announced; never silently: the caller reports them. */
  readonly expired: readonly string[];
}

/** Tasks that one item may stand for; the task store keeps no more results than about this. */
const maxTasksPerItem = 256;

const blockLength = 128;

/**
 * Adds mail at the end, once per task. In a full mailbox the items of each tool become one, at the place of the oldest;
 * if that is not enough, the oldest item gives way.
 */
export function deliver(mailbox: Mailbox, mail: TaskMail, capacity: number): Delivery {
  if (holds(mailbox, ({ taskIds }) => taskIds.includes(mail.taskId))) return { mailbox, expired: [] };
  const grown = appended(mailbox, { tool: mail.tool, taskIds: [mail.taskId], newest: mail });
  if (grown.length <= capacity) return { mailbox: grown, expired: [] };
  const { items, expired } = joinByTool(itemsOf(grown));
  const surplus = items.slice(0, Math.max(0, items.length - capacity));
  return {
    mailbox: mailboxOf(items.slice(surplus.length)),
    expired: [...expired, ...surplus.flatMap(({ taskIds }) => taskIds)],
  };
}

/** Forgets tasks that were told or need not be told any more. */
export function withdraw(mailbox: Mailbox, ids: readonly string[]): Mailbox {
  const gone = new Set(ids);
  if (!holds(mailbox, ({ taskIds }) => taskIds.some((id) => gone.has(id)))) return mailbox;
  return mailboxOf(
    itemsOf(mailbox).flatMap((item) => {
      const left = item.taskIds.filter((id) => !gone.has(id));
      return left.length === 0 ? [] : [{ ...item, taskIds: left }];
    }),
  );
}

export function taskIdsOf(mailbox: Mailbox): readonly string[] {
  return itemsOf(mailbox).flatMap(({ taskIds }) => taskIds);
}

export function itemsOf({ blocks }: Mailbox): readonly MailboxItem[] {
  return blocks.flat();
}

function mailboxOf(items: readonly MailboxItem[]): Mailbox {
  const blocks: (readonly MailboxItem[])[] = [];
  for (let at = 0; at < items.length; at += blockLength) blocks.push(items.slice(at, at + blockLength));
  return { length: items.length, blocks };
}

function appended({ length, blocks }: Mailbox, item: MailboxItem): Mailbox {
  const last = blocks.at(-1);
  const room = last !== undefined && last.length < blockLength;
  const grown = room ? [...blocks.slice(0, -1), [...last, item]] : [...blocks, [item]];
  return { length: length + 1, blocks: grown };
}

function holds({ blocks }: Mailbox, wanted: (item: MailboxItem) => boolean): boolean {
  return blocks.some((block) => block.some(wanted));
}

function joinByTool(mailbox: readonly MailboxItem[]): {
  readonly items: readonly MailboxItem[];
  readonly expired: readonly string[];
} {
  const byTool = new Map<string, MailboxItem>();
  const expired: string[] = [];
  for (const item of mailbox) {
    const earlier = byTool.get(item.tool);
    const taskIds = [...(earlier?.taskIds ?? []), ...item.taskIds];
    expired.push(...taskIds.splice(0, Math.max(0, taskIds.length - maxTasksPerItem)));
    byTool.set(item.tool, { ...item, taskIds });
  }
  return { items: [...byTool.values()], expired };
}
