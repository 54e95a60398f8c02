import type { ToolCompletion } from './events.ts';

/** Adds a completion at the end, once per task. */
export function deliver(
  mailbox: readonly ToolCompletion[],
  completion: ToolCompletion,
): readonly ToolCompletion[] {
  return mailbox.some((mail) => mail.taskId === completion.taskId) ? mailbox : [...mailbox, completion];
}
