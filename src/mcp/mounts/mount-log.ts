import { BoundedQueue } from '../../core/bounded-queue.ts';
import { printableText } from '../../core/printable-text.ts';

const maxLines = 200;
const maxCharacters = 500;

/** The last lines that a server wrote, and what happened to it. */
export interface MountLog {
  add(line: string): void;
  /** Oldest first; when lines were lost, the first one says how many. */
  lines(): readonly string[];
}

export function createMountLog(): MountLog {
  const ring = new BoundedQueue<string>(maxLines, 'drop-oldest');
  return {
    add: (line) => void ring.push(printableText(line, maxCharacters)),
    lines() {
      const kept: string[] = [];
      for (let left = ring.length; left > 0; left -= 1) {
        const line = ring.shift() ?? '';
        kept.push(line);
        ring.push(line);
      }
      return ring.dropped > 0 ? [`… ${ring.dropped} earlier lines are not kept`, ...kept] : kept;
    },
  };
}
