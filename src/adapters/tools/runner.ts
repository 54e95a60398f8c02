import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { RunTool } from '../../mcp/tool.ts';

/** Longest answer that is read from a tool, in bytes; what does not fit ends the call with an error. */
export const maxAnswerBytes = 2 * 1024 * 1024;

/** What runs the calls of one configured tool. */
export interface ToolRunner {
  readonly run: RunTool;
  /** Ends what outlives a call (kept connections, children still running); resolves when nothing is left. Idempotent. */
  dispose(): Promise<void>;
}

export interface RunnerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The device's own environment, of which children inherit a few variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of a definition start: the directory of the configuration file. */
  readonly baseDirectory: string;
}
