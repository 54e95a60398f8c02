import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Exchange {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  /** The JSON-RPC message of a POST. */
  readonly message:
    | { readonly id?: unknown; readonly method?: string; readonly params?: unknown }
    | undefined;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What a test does with one exchange; `false` leaves it to the well-behaved server. */
export type Answer = (exchange: Exchange) => unknown;

export interface ChaosHttpServer {
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  /** Methods of the JSON-RPC messages, in order. */
  readonly methods: () => (string | undefined)[];
  /** What the server says unasked, over the stream that the client has opened. */
  say(message: object): void;
  /** Ends that stream. */
  hangUp(): void;
  /** From now on nobody knows the sessions of before. */
  forget(): void;
  answer(answer: Answer): void;
  stop(): Promise<void>;
}

/** A streamable-HTTP MCP server of a few lines with the tools `echo` and `never`, whose answers a test can replace. */
export async function startChaosHttp(
  answer: Answer = () => false,
  tls?: { readonly key: string; readonly cert: string },
): Promise<ChaosHttpServer> {
  const exchanges: Exchange[] = [];
  let decide = answer;
  let session = 'session-1';
  let stream: ServerResponse | undefined;

  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { method = '', headers } = request;
      const message = body === '' ? undefined : JSON.parse(body);
      const exchange = { method, headers, message, request, response };
      exchanges.push(exchange);
      if (decide(exchange) === false) behave(exchange);
    });
  };
  const server = tls ? createTlsServer({ key: tls.key, cert: tls.cert }, listener) : createServer(listener);

  const behave = ({ method, headers, message, response }: Exchange) => {
    const known = headers['mcp-session-id'];
    if (known !== undefined && known !== session)
      return void response.writeHead(404).end('Session not found');
    if (method === 'GET') {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void response.flushHeaders();
    }
    if (method === 'DELETE' || message?.id === undefined) return void response.writeHead(202).end();
    const result = resultOf(message);
    if (result === undefined) return;
    const head = { 'content-type': 'application/json', 'mcp-session-id': session };
    response.writeHead(200, head).end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  };

  // Whoever leaves closes the connection.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/mcp`,
    exchanges,
    methods: () => exchanges.flatMap(({ message }) => (message ? [message.method] : [])),
    say: (message) =>
      void stream?.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`),
    hangUp: () => void stream?.end(),
    forget: () => {
      session = 'session-2';
    },
    answer: (next) => {
      decide = next;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function resultOf({ method, params }: NonNullable<Exchange['message']>): object | undefined {
  const { name, arguments: args } = (params ?? {}) as { name?: string; arguments?: { text?: string } };
  if (method === 'initialize')
    return {
      protocolVersion: (params as { protocolVersion: string }).protocolVersion,
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'chaos-http', version: '1.0.0' },
    };
  if (method === 'tools/list') return { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] };
  if (method === 'tools/call' && name === 'echo')
    return { content: [{ type: 'text', text: args?.text ?? '' }] };
  return method === 'ping' ? {} : undefined;
}
