import type { JSONRPCMessage, JSONRPCRequest, Transport } from '@modelcontextprotocol/server';
import { ClientError, ErrorCode } from '../core/errors.ts';

export interface ChannelTransport extends Transport {
  /** One request of the server, in the form the SDK takes; see `normalise`. */
  receive(request: JSONRPCRequest): void;
}

/** The SDK's transport over the JSON messages of a device channel. `send`: false when the channel is gone. */
export function createChannelTransport(send: (payload: unknown) => boolean): ChannelTransport {
  let closed = false;
  const transport: ChannelTransport = {
    start: () => Promise.resolve(),
    send: (message) => (!closed && send(onWire(message)) ? Promise.resolve() : Promise.reject(gone())),
    close() {
      if (!closed) {
        closed = true;
        transport.onclose?.();
      }
      return Promise.resolve();
    },
    receive(request) {
      if (!closed) transport.onmessage?.(request);
    },
  };
  return transport;
}

/** Members in the order in which the firmware writes them (G5), and none that it does not know. */
function onWire(message: JSONRPCMessage): unknown {
  if ('result' in message) {
    const { _meta, ...result } = message.result;
    return { jsonrpc: '2.0', id: message.id, result };
  }
  if ('error' in message) {
    const { id, error } = message;
    return { jsonrpc: '2.0', id, error: { code: error.code, message: error.message } };
  }
  return message;
}

const gone = (): ClientError =>
  new ClientError(ErrorCode.transportSendFailed, 'The channel to the server is gone; nothing can be sent.', {
    retryable: true,
  });
