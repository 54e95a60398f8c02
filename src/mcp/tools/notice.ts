import type { Tool } from '../tool.ts';
import { builtin } from './builtin.ts';

/** Name of the tool whose result is a notice; never listed. */
export const noticeToolName = 'self.notice';

/** Results in its argument `text`: a background task of it is a notice that is told like any result. */
export function createNoticeTool(): Tool {
  return builtin({
    name: noticeToolName,
    description: 'Tells a text.',
    audience: 'user',
    mode: 'background',
    idempotent: true,
    run: (args) => Promise.resolve({ kind: 'text', text: String(args.text ?? '') }),
  });
}
