import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { normalise, type RequestId, type VisionEndpoint } from './normalise.ts';

/**
 * In `result._meta`, never on the wire: the number under which `onReply` is told what became of the reply, or `unsent` when
 * it must not be sent because nobody would understand it any more.
 */
export const replyKey = 'xiaozhi/reply';

/** Requests the server repeats while the first is still being worked on are remembered up to this many. */
const maxRemembered = 256;

export interface ChannelTransportOptions {
  /** Hands one JSON-RPC object to the channel; false when the channel is gone. */
  send(payload: unknown): boolean;
  readonly onVision?: (vision: VisionEndpoint) => void;
  /** Whether a reply that carried a number could be handed to the channel. */
  readonly onReply?: (token: number, sent: boolean) => void;
}

export interface ChannelCounters {
  /** Needed no answer, or was not understood. */
  ignored: number;
  refused: number;
  /** The same call with the same id again before it was answered. */
  repeated: number;
  /** Answers held back because they came too late or their channel was gone. */
  unsent: number;
}

export interface ChannelTransport extends Transport {
  /** One payload of the server, unchecked. Never throws. */
  receive(payload: Readonly<Record<string, unknown>>): void;
  readonly counters: Readonly<ChannelCounters>;
}

/**
 * The SDK's transport over the JSON messages of a device channel. It speaks the dialect of real servers (`normalise`),
 * so that the SDK sees clean JSON-RPC only.
 */
export function createChannelTransport({
  send,
  onVision,
  onReply,
}: ChannelTransportOptions): ChannelTransport {
  const counters: ChannelCounters = { ignored: 0, refused: 0, repeated: 0, unsent: 0 };
  const calls = new Map<RequestId, unknown>();
  let closed = false;

  const transport: ChannelTransport = {
    counters,
    start: () => Promise.resolve(),
    send(message) {
      if ('id' in message && message.id !== undefined && !('method' in message)) calls.delete(message.id);
      const { token, wire } = unmarked(message);
      if (token === 'unsent') {
        counters.unsent += 1;
        return Promise.resolve();
      }
      const sent = !closed && send(wire);
      if (typeof token === 'number') onReply?.(token, sent);
      return sent ? Promise.resolve() : Promise.reject(gone());
    },
    close() {
      if (!closed) {
        closed = true;
        calls.clear();
        transport.onclose?.();
      }
      return Promise.resolve();
    },
    receive(payload) {
      if (closed) return;
      const message = normalise(payload);
      switch (message.kind) {
        case 'ignored':
          counters.ignored += 1;
          return;
        case 'refused': {
          counters.refused += 1;
          const { id, code, message: text } = message;
          send({ jsonrpc: '2.0', id, error: { code, message: text } });
          return;
        }
        case 'cancellation':
          transport.onmessage?.(message.notification);
          return;
        case 'request': {
          if (message.vision) onVision?.(message.vision);
          const { request } = message;
          if (request.method === 'tools/call') {
            if (isRepeated(calls, request.id, request.params)) {
              counters.repeated += 1;
              return;
            }
            if (calls.size < maxRemembered) calls.set(request.id, request.params);
          }
          transport.onmessage?.(request);
        }
      }
    },
  };
  return transport;
}

/** Equal ids alone mean nothing: servers count calls from 1 again and use 1 and 2 for other methods (servers.md 1.10). */
function isRepeated(calls: ReadonlyMap<RequestId, unknown>, id: RequestId, params: unknown): boolean {
  if (!calls.has(id)) return false;
  try {
    return JSON.stringify(calls.get(id)) === JSON.stringify(params);
  } catch {
    // Nested too deep to be compared; the call is refused later for the same reason.
    return false;
  }
}

/** Takes the mark off again; members in the order in which the firmware writes them (G5). */
function unmarked(message: JSONRPCMessage): { readonly token?: unknown; readonly wire: unknown } {
  if ('result' in message) {
    const { _meta, ...result } = message.result;
    return { token: _meta?.[replyKey], wire: { jsonrpc: '2.0', id: message.id, result } };
  }
  if ('error' in message) {
    const { id, error } = message;
    return { wire: { jsonrpc: '2.0', id, error: { code: error.code, message: error.message } } };
  }
  return { wire: message };
}

const gone = (): ClientError =>
  new ClientError(ErrorCode.transportSendFailed, 'The channel to the server is gone; nothing can be sent.', {
    retryable: true,
  });
