import type { Clock, TimerHandle } from '../../core/clock.ts';
import { type ClientError, toClientError } from '../../core/errors.ts';
import type {
  ForeignCallOptions,
  ForeignResult,
  ForeignToolList,
  McpClientConnection,
} from '../../ports/mcp-client.ts';
import type { MountedServerDefinition } from '../../ports/mounted-server.ts';
import type { ToolArguments } from '../tool.ts';
import { createCoalescer } from './coalescer.ts';

export interface MountSessionParts {
  readonly connection: McpClientConnection;
  readonly clock: Clock;
  /** As it is at the moment: the user may change it while the server runs. */
  readonly definition: () => MountedServerDefinition;
  readonly onListed: (list: ForeignToolList) => void;
  /** The list could not be read; it is tried again. */
  readonly onListProblem: (error: ClientError) => void;
  /** No answer to a ping. */
  readonly onUnanswered: (error: ClientError) => void;
  /** Nobody has called for as long as the user allows. */
  readonly onUnused: () => void;
}

/** A server that is ready: its calls, its health, its changing list. Ends by `end`, never by itself. */
export interface MountSession {
  readonly connection: McpClientConnection;
  call(tool: string, args: ToolArguments, options: ForeignCallOptions): Promise<ForeignResult>;
  /** The server has said that its list changed. */
  changed(): void;
  /** Calls under way fail with `reason`. Resolves when nothing of the server is left. */
  end(reason: ClientError): Promise<void>;
}

const pingTimeoutMs = 10_000;
const relistGapMs = 1000;

export function createMountSession(parts: MountSessionParts): MountSession {
  const { connection, clock, definition } = parts;
  const calls = new Set<(reason: ClientError) => void>();
  const ended = new AbortController();
  let pingTimer: TimerHandle;
  let unusedTimer: TimerHandle;
  let lastUsedMs = clock.now();

  const relisting = createCoalescer({
    clock,
    delayMs: 0,
    gapMs: relistGapMs,
    run: async () => {
      try {
        const list = await connection.listTools(ended.signal);
        if (!ended.signal.aborted) parts.onListed(list);
      } catch (thrown) {
        if (!ended.signal.aborted) parts.onListProblem(toClientError(thrown));
        throw thrown;
      }
    },
  });

  function armPing(): void {
    const { pingIntervalMs } = definition();
    if (pingIntervalMs > 0 && !ended.signal.aborted)
      pingTimer = clock.setTimeout(() => void ping(pingIntervalMs), pingIntervalMs);
  }

  /** A server that answers calls is well; one that works may have no time for a ping. */
  async function ping(intervalMs: number): Promise<void> {
    if (calls.size === 0 && clock.now() - lastUsedMs >= intervalMs) {
      try {
        await connection.ping(pingTimeoutMs);
      } catch (thrown) {
        if (!ended.signal.aborted) parts.onUnanswered(toClientError(thrown));
        return;
      }
    }
    armPing();
  }

  function armUnused(): void {
    clock.clearTimeout(unusedTimer);
    const { idleStopMs } = definition();
    if (idleStopMs !== undefined && calls.size === 0 && !ended.signal.aborted)
      unusedTimer = clock.setTimeout(() => parts.onUnused(), idleStopMs);
  }

  armPing();
  armUnused();
  return {
    connection,
    async call(tool, args, options) {
      ended.signal.throwIfAborted();
      clock.clearTimeout(unusedTimer);
      let fail: (reason: ClientError) => void = () => {};
      try {
        return await new Promise<ForeignResult>((resolve, reject) => {
          fail = reject;
          calls.add(fail);
          connection.callTool(tool, args, options).then(resolve, reject);
        });
      } finally {
        calls.delete(fail);
        lastUsedMs = clock.now();
        armUnused();
      }
    },
    changed: () => relisting.request(),
    end(reason) {
      ended.abort(reason);
      relisting.stop();
      clock.clearTimeout(pingTimer);
      clock.clearTimeout(unusedTimer);
      for (const fail of calls) fail(reason);
      return connection.close();
    },
  };
}
