import type { Words } from '../../core/words.ts';

/** A result that must still be told: one finished task. */
export interface TaskMail {
  readonly taskId: string;
  readonly tool: string;
  /** `interrupted`: the device ended while the task ran. */
  readonly outcome: 'done' | 'failed' | 'interrupted';
  /** The beginning of the result, or what went wrong; empty when `interrupted`. */
  readonly text: string;
  /** It was being told when something broke off: the person may have heard it. */
  readonly maybeTold?: boolean;
  /** What `text` says, where it is ours: put into the language of the notice when that is made. */
  readonly words?: Words | undefined;
}
