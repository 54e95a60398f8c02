import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';

/** The words of a refusal fit into this; pages for browsers only have to be recognised. */
const maxBytes = 4_096;
/** Who refuses is not waited for. */
const limitMs = 500;

/** The beginning of an answer that was not asked for, as text; never rejects. */
export function beginningOf(answer: IncomingMessage, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = () => {
      clock.clearTimeout(timer);
      resolve(Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8'));
    };
    const timer = clock.setTimeout(finish, limitMs);
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) finish();
    });
    answer.on('error', finish);
    answer.on('close', finish);
    answer.on('end', finish);
  });
}
