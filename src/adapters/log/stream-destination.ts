import type { Writable } from 'node:stream';
import type { LogDestination } from './console-logger.ts';

const maxWaitingBytes = 1024 * 1024;

export interface StreamDestination extends LogDestination {
  /** Lines lost because nobody read the stream, or its reader is gone. */
  readonly dropped: number;
}

/**
 * Standard error, or any stream, as a place for log lines. A reader that stops reading costs log lines, one that goes
 * away (`| head`) ends the log; the device goes on.
 */
export function streamDestination(stream: Writable): StreamDestination {
  let open = true;
  let dropped = 0;
  stream.on('error', () => {
    open = false;
  });
  return {
    get dropped() {
      return dropped;
    },
    write(line) {
      if (open && stream.writable && stream.writableLength < maxWaitingBytes) stream.write(line);
      else dropped += 1;
    },
  };
}
