import type { Clock } from '../../core/clock.ts';

const windowMs = 1000;
const maxLinesPerWindow = 50;

/** Passes on a bounded number of lines a second and tells how many were left out. */
export function createLogLines(clock: Clock, onLog: (line: string) => void): (line: string) => void {
  let windowEndMs = Number.NEGATIVE_INFINITY;
  let lines = 0;
  let leftOut = 0;
  return (line) => {
    if (clock.now() >= windowEndMs) {
      windowEndMs = clock.now() + windowMs;
      lines = 0;
    }
    lines += 1;
    if (lines > maxLinesPerWindow) {
      leftOut += 1;
      return;
    }
    if (leftOut > 0) onLog(`(${leftOut} lines left out)`);
    leftOut = 0;
    onLog(line);
  };
}
