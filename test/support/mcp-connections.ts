import { createMcpConnector } from '../../src/adapters/mcp-client/connect.ts';
import { readAuthorities } from '../../src/config/authorities.ts';
import { type Clock, monotonicClock } from '../../src/core/clock.ts';
import type { ClientError } from '../../src/core/errors.ts';
import type { McpClientConnection, McpServerTarget } from '../../src/ports/mcp-client.ts';

/** A connection and what it has told so far. */
export interface ObservedConnection extends McpClientConnection {
  readonly log: readonly string[];
  readonly closedWith: readonly ClientError[];
  /** How often the list was said to have changed. */
  changes(): number;
  /** The text of a call's first content. */
  text(tool: string, args?: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<string>;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly log?: string[];
}

export const never = new AbortController().signal;

/** Connects as the device does; the connection is closed by the test. */
export async function connect(
  target: McpServerTarget,
  options: ConnectOptions = {},
): Promise<ObservedConnection> {
  const {
    signal = new AbortController().signal,
    clock = monotonicClock,
    env = process.env,
    log = [],
  } = options;
  const closedWith: ClientError[] = [];
  let changes = 0;
  const hooks = {
    onToolsChanged: () => {
      changes += 1;
    },
    onClosed: (error: ClientError) => void closedWith.push(error),
    onLog: (line: string) => void log.push(line),
  };
  const connection = await createMcpConnector({ clock, env, readAuthorities })(target, hooks, signal);
  return {
    ...connection,
    log,
    closedWith,
    changes: () => changes,
    async text(tool, args = {}, timeoutMs = 10_000) {
      const { content } = await connection.callTool(tool, args, {
        signal: new AbortController().signal,
        timeoutMs,
      });
      const [first] = content;
      return first?.type === 'text' ? first.text : JSON.stringify(first);
    },
  };
}

export const namesOf = async (connection: McpClientConnection): Promise<string[]> =>
  (await connection.listTools(never)).tools.map(({ name }) => name);
