import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { McpServerTarget } from '../../src/ports/mcp-client.ts';

/**
 * How the server misbehaves. Besides what it lists it always has the tools echo {text}, sleep {ms}, never, calls, pid, cwd,
 * args, env {name}, fail (isError), reject {message} (JSON-RPC error), die {code, lastWords}, giant {bytes}, raw {result},
 * log {text} (stderr), notice {data} (log notification), print {text} (stdout), add_tool {name}, storm {count},
 * ask {method} (a request to us) and fork {hidden}.
 */
export interface ChaosOptions {
  /** What `tools/list` gives, in any shape; by default echo and sleep. */
  readonly tools?: readonly unknown[];
  readonly pageSize?: number;
  /** `endless`: always one page more · `loop`: a cursor that leads back. */
  readonly pages?: 'endless' | 'loop';
  readonly initialize?: 'hang' | 'refuse' | 'exit';
  readonly initializeDelayMs?: number;
  readonly list?: 'hang';
  readonly ping?: 'hang';
  /** Members of the answer to a ping, in place of an empty result. */
  readonly pingAnswer?: object;
  /** What is written in place of an answer to a ping. */
  readonly pingLine?: string;
  readonly byteOrderMark?: boolean;
  /** Lines on standard output before anything else. */
  readonly greeting?: readonly string[];
  readonly floodStderr?: boolean;
  /** `notifications/tools/list_changed` all the time. */
  readonly stormPerSecond?: number;
  /** Each time what the first tool says of itself does change. */
  readonly changes?: boolean;
  /** A grandchild that ignores TERM; `hidden`: in a session of its own. */
  readonly fork?: 'group' | 'hidden';
  /** Neither TERM nor the end of standard input ends it. */
  readonly ignoreTerm?: boolean;
  /** File to which it writes what happens: `pid N`, `list`, `call NAME`, `ping`, notifications. */
  readonly journal?: string;
}

export type StdioTarget = Extract<McpServerTarget, { type: 'stdio' }>;

export const chaosServerFile = join(import.meta.dirname, 'chaos-mcp-server.mjs');

export const chaosServer = (options: ChaosOptions = {}, target: Partial<StdioTarget> = {}): StdioTarget => ({
  type: 'stdio',
  command: process.execPath,
  args: [chaosServerFile, JSON.stringify(options)],
  env: {},
  cwd: process.cwd(),
  ...target,
});

/** What the server has written into its journal so far. */
export const journalOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];

/** Every process that the server has noted, itself included. */
export const pidsOf = (file: string): number[] =>
  journalOf(file).flatMap((line) => (line.startsWith('pid ') ? [Number(line.slice(4))] : []));
