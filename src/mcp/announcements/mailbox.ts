import type { TaskMail } from './mail.ts';

/**
 * Results that wait to be told, oldest first and each for itself. In blocks, so that one more does not copy thousands.
 * `beyond`: tasks whose mail did not fit; the keeper of tasks has it and brings it again when something has been told.
 */
export interface Mailbox {
  /** Mails in the box, without those beyond. */
  readonly length: number;
  readonly blocks: readonly (readonly TaskMail[])[];
  /** Ids only: as many as there are results on disk, which the keeper of tasks bounds. */
  readonly beyond: readonly string[];
}

export const emptyMailbox: Mailbox = { length: 0, blocks: [], beyond: [] };

export interface Delivery {
  readonly mailbox: Mailbox;
  /** False: the box is full, and the mail must be brought again. */
  readonly taken: boolean;
}

const blockLength = 128;

/** Adds mail at the end, once per task. Mail that does not fit is only counted: nothing in the box gives way for it. */
export function deliver(mailbox: Mailbox, mail: TaskMail, capacity: number): Delivery {
  if (holds(mailbox, mail.taskId)) return { mailbox, taken: true };
  const isBeyond = mailbox.beyond.includes(mail.taskId);
  if (mailbox.length >= capacity) {
    const beyond = isBeyond ? mailbox.beyond : [...mailbox.beyond, mail.taskId];
    return { mailbox: isBeyond ? mailbox : { ...mailbox, beyond }, taken: false };
  }
  const beyond = isBeyond ? mailbox.beyond.filter((id) => id !== mail.taskId) : mailbox.beyond;
  return { mailbox: { ...appended(mailbox, mail), beyond }, taken: true };
}

/** Forgets tasks that were told or need not be told any more. */
export function withdraw(mailbox: Mailbox, ids: readonly string[]): Mailbox {
  const gone = new Set(ids);
  const known = mailbox.beyond.some((id) => gone.has(id)) || ids.some((id) => holds(mailbox, id));
  if (!known) return mailbox;
  const mails = mailsOf(mailbox).filter(({ taskId }) => !gone.has(taskId));
  const blocks: (readonly TaskMail[])[] = [];
  for (let at = 0; at < mails.length; at += blockLength) blocks.push(mails.slice(at, at + blockLength));
  return { length: mails.length, blocks, beyond: mailbox.beyond.filter((id) => !gone.has(id)) };
}

/** Whether this task waits to be told, in the box or beyond it. */
export function waits(mailbox: Mailbox, taskId: string): boolean {
  return holds(mailbox, taskId) || mailbox.beyond.includes(taskId);
}

/** The tasks whose mail is in the box. */
export function taskIdsOf(mailbox: Mailbox): readonly string[] {
  return mailsOf(mailbox).map(({ taskId }) => taskId);
}

export function mailsOf({ blocks }: Mailbox): readonly TaskMail[] {
  return blocks.flat();
}

/** The person may have been told of these: the next telling says so. */
export function doubt(mailbox: Mailbox, ids: readonly string[]): Mailbox {
  const doubted = new Set(ids);
  const doubtful = (mail: TaskMail): TaskMail =>
    doubted.has(mail.taskId) ? { ...mail, maybeTold: true } : mail;
  return { ...mailbox, blocks: mailbox.blocks.map((block) => block.map(doubtful)) };
}

function appended({ length, blocks }: Mailbox, mail: TaskMail): Omit<Mailbox, 'beyond'> {
  const last = blocks.at(-1);
  const room = last !== undefined && last.length < blockLength;
  const grown = room ? [...blocks.slice(0, -1), [...last, mail]] : [...blocks, [mail]];
  return { length: length + 1, blocks: grown };
}

function holds({ blocks }: Mailbox, id: string): boolean {
  return blocks.some((block) => block.some(({ taskId }) => taskId === id));
}
