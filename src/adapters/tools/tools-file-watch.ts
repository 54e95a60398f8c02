import { type FSWatcher, watch } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { type ClientError, ErrorCode, toClientError } from '../../core/errors.ts';

export interface ToolsFileWatchOptions<Tools> {
  readonly file: string;
  /** Reads and checks the file; rejects with a ClientError that a person can read. */
  readonly load: (file: string) => Promise<Tools>;
  /** What is in use now; only something else is reported. */
  readonly current: Tools;
  /** The file says something new. */
  readonly onTools: (tools: Tools) => void;
  /** The file cannot be used; what was in use stays. Not repeated while the reason is the same. */
  readonly onProblem: (error: ClientError) => void;
  readonly clock: Clock;
}

export interface ToolsFileWatch {
  /** No callback comes after it. */
  stop(): void;
}

/** Editors and package managers write in several steps. */
const settleMs = 200;

/**
 * Tells when the tools in a configuration file have changed. The directory is watched and not the file, because editors
 * replace files; for a link, that of its target, too.
 */
export async function watchToolsFile<Tools>(options: ToolsFileWatchOptions<Tools>): Promise<ToolsFileWatch> {
  const { file, load, onTools, onProblem, clock } = options;
  let known = JSON.stringify(options.current);
  let lastProblem = '';
  let timer: TimerHandle;
  let stopped = false;
  let reading = false;
  let again = false;

  const report = (problem: ClientError) => {
    if (problem.message !== lastProblem) onProblem(problem);
    lastProblem = problem.message;
  };
  const compare = (tools: Tools) => {
    lastProblem = '';
    const seen = JSON.stringify(tools);
    if (seen === known) return;
    known = seen;
    onTools(tools);
  };
  const read = async () => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      const tools = await load(file);
      if (!stopped) compare(tools);
    } catch (thrown) {
      if (!stopped) report(toClientError(thrown, ErrorCode.configUnreadable));
    }
    reading = false;
    if (again && !stopped) {
      again = false;
      await read();
    }
  };
  const onChange = () => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(() => void read(), settleMs);
  };

  const target = await realpath(file).catch(() => file);
  const watchers = [...new Set([dirname(file), dirname(target)])].flatMap((directory) =>
    watchDirectory(directory, onChange, report),
  );
  return {
    stop: () => {
      stopped = true;
      clock.clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function watchDirectory(
  directory: string,
  onChange: () => void,
  onProblem: (error: ClientError) => void,
): FSWatcher[] {
  // Any name counts: what a link points to changes under names of its own, and reading once more is cheap.
  try {
    const watcher = watch(directory, { persistent: false }, onChange);
    watcher.on('error', (error) => onProblem(toClientError(error, ErrorCode.configUnreadable)));
    return [watcher];
  } catch (thrown) {
    onProblem(toClientError(thrown, ErrorCode.configUnreadable));
    return [];
  }
}
