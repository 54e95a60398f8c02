import type { JSONRPCMessage, StreamableHTTPClientTransport, Transport } from '@modelcontextprotocol/client';

type RequestId = string | number;
type SendOptions = Parameters<Transport['send']>[1];

/**
 * Streamable HTTP whose requests end with their cancellation: the protocol client only tells the server, and would leave
 * the answer's stream open for as long as the server likes. A stream that ends without its answer is a failed request
 * here, and not one that is waited for until its time is up.
 */
export class CancellingTransport implements Transport {
  onmessage?: NonNullable<Transport['onmessage']>;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  readonly #inner: StreamableHTTPClientTransport;
  readonly #open = new Map<RequestId, AbortController>();

  constructor(inner: StreamableHTTPClientTransport) {
    this.#inner = inner;
    inner.onmessage = (message) => this.#deliver(message);
    inner.onclose = () => this.onclose?.();
    inner.onerror = (error) => this.onerror?.(error);
  }

  start(): Promise<void> {
    return this.#inner.start();
  }

  async close(): Promise<void> {
    await this.#inner.close();
    this.#open.clear();
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion(version);
  }

  async send(message: JSONRPCMessage, options: SendOptions): Promise<void> {
    const { resumptionToken, onresumptiontoken } = options ?? {};
    const sent = {
      ...(resumptionToken !== undefined && { resumptionToken }),
      ...(onresumptiontoken !== undefined && { onresumptiontoken }),
    };
    if (!('method' in message && 'id' in message)) {
      await this.#inner.send(message, sent);
      if ('method' in message && message.method === 'notifications/cancelled')
        this.#end(message.params?.requestId);
      return;
    }
    const { id } = message;
    const abort = new AbortController();
    this.#open.set(id, abort);
    const onRequestStreamEnd = () => this.#unanswered(id);
    await this.#inner
      .send(message, { ...sent, requestSignal: abort.signal, onRequestStreamEnd })
      .catch((thrown) => {
        this.#open.delete(id);
        throw thrown;
      });
  }

  #deliver(message: JSONRPCMessage): void {
    if (!('method' in message) && message.id !== undefined) this.#open.delete(message.id);
    this.onmessage?.(message);
  }

  #end(id: unknown): void {
    const request = this.#open.get(id as RequestId);
    this.#open.delete(id as RequestId);
    request?.abort();
  }

  #unanswered(id: RequestId): void {
    if (!this.#open.has(id)) return;
    const message = 'it closed the connection before it had answered';
    this.#deliver({ jsonrpc: '2.0', id, error: { code: -32000, message } });
  }
}
