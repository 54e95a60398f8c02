import { Caller } from './caller.ts';
import type { CallReply, Dispatcher } from './dispatcher.ts';
import type { RequestId } from './normalise.ts';
import { failedResultOf, rpcErrorOf } from './result.ts';
import type { ToolArguments } from './tool.ts';

export interface ChannelCallsOptions {
  readonly dispatcher: Dispatcher;
  /** In events, and with tasks. */
  readonly channel: string;
  /** How long the server waits for an answer; not set: as long as it takes. */
  readonly replyWithinMs?: number;
  /** Which tools this channel may use; not given: every one. */
  readonly permits?: (toolName: string) => boolean;
  /** How a failed call is told; a JSON-RPC error when not given. */
  readonly failures?: FailureStyle;
  /** What the channel takes in one message at this moment; not given: anything. */
  readonly maxPayloadBytes?: () => number;
  /** `false`: what is handed over is kept to be read and not announced here. */
  readonly announce?: boolean;
  /** A call waits for its answer from now on, and does no more. */
  readonly onTaken?: () => void;
  readonly onEnded?: () => void;
  /** Hands one JSON-RPC object to the channel; false when the channel is gone. Must not throw. */
  send(payload: unknown): boolean;
}

/** What the server at the other end reads: some look only into errors, some only into results (servers.md §4, mcp.md 2.3). */
export type FailureStyle = 'rpc-error' | 'tool-result';

export interface ToolCallRequest {
  readonly id: RequestId;
  readonly name: string;
  readonly args: ToolArguments;
}

/** The calls of one channel that have not been answered. */
export interface ChannelCalls {
  /** Never throws. */
  take(call: ToolCallRequest): void;
  cancel(id: RequestId): void;
  /** The channel is gone: nobody waits any more. */
  close(): void;
  /** Calls that wait for their answer. */
  readonly open: number;
  readonly counters: {
    /** The same call with the same id again before it was answered. */
    readonly repeated: number;
    /** Answers held back because the call was taken back or the channel was gone. */
    readonly unsent: number;
  };
}

/** Answers calls in the order in which they end. */
export function createChannelCalls(options: ChannelCallsOptions): ChannelCalls {
  const { dispatcher, channel, replyWithinMs, permits, announce, failures = 'rpc-error', send } = options;
  const counters = { repeated: 0, unsent: 0 };
  /** By id the call that came last with it: servers count from 1 again (servers.md 1.10). The dispatcher bounds them. */
  const open = new Map<RequestId, { readonly call: ToolCallRequest; readonly caller: Caller }>();
  const callers = new Set<Caller>();
  let gone = false;

  async function answer({ id, name, args }: ToolCallRequest, caller: Caller): Promise<void> {
    const reply = await dispatcher.call(name, args, {
      channel,
      caller,
      ...(replyWithinMs !== undefined && { replyWithinMs }),
      ...(permits && { permits }),
      ...(announce !== undefined && { announce }),
    });
    callers.delete(caller);
    options.onEnded?.();
    if (open.get(id)?.caller === caller) open.delete(id);
    // Members in the order in which the firmware writes them (G5).
    const head = { jsonrpc: '2.0', id };
    if (reply.kind === 'failure' && !gone) {
      send(
        failures === 'rpc-error'
          ? { ...head, error: rpcErrorOf(reply.error) }
          : { ...head, result: failedResultOf(reply.error) },
      );
      return;
    }
    if (reply.kind === 'content') {
      if (!gone && send(fitting(head, reply, options.maxPayloadBytes?.()))) return;
      reply.lost();
    }
    counters.unsent += 1;
  }

  return {
    counters,
    get open() {
      return callers.size;
    },
    take(call) {
      const known = open.get(call.id);
      if (known && isSame(known.call, call)) {
        counters.repeated += 1;
        return;
      }
      const caller = new Caller();
      callers.add(caller);
      open.set(call.id, { call, caller });
      options.onTaken?.();
      void answer(call, caller);
    },
    cancel: (id) => open.get(id)?.caller.end('cancelled'),
    close() {
      gone = true;
      for (const caller of callers) caller.end('gone');
    },
  };
}

/** The answer with as much of the result as the channel takes. */
function fitting(
  head: { readonly jsonrpc: string; readonly id: RequestId },
  { content, within }: Extract<CallReply, { kind: 'content' }>,
  maxBytes: number | undefined,
): object {
  const answerWith = (some: typeof content) => ({ ...head, result: { content: some, isError: false } });
  const whole = answerWith(content);
  if (maxBytes === undefined || Buffer.byteLength(JSON.stringify(whole)) <= maxBytes) return whole;
  let [best, low, high] = [whole, 0, maxBytes];
  // Escaping makes a text longer by what only trying tells.
  while (high - low > 16) {
    const middle = Math.floor((low + high) / 2);
    const tried = answerWith(within(middle));
    const fits = Buffer.byteLength(JSON.stringify(tried)) <= maxBytes;
    if (fits) [best, low] = [tried, middle];
    else high = middle;
  }
  return best;
}

function isSame(one: ToolCallRequest, other: ToolCallRequest): boolean {
  if (one.name !== other.name) return false;
  try {
    return JSON.stringify(one.args) === JSON.stringify(other.args);
  } catch {
    // Nested too deep to be compared; the call is refused later for the same reason.
    return false;
  }
}
