import type { Transport } from '@modelcontextprotocol/client';
import { wait } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import { marked } from '../../core/exact-json.ts';
import { words } from '../../core/words.ts';
import type { McpServerTarget } from '../../ports/mcp-client.ts';
import { CancellingTransport } from './cancelling-transport.ts';
import { createExactFetch } from './exact-fetch.ts';
import type { Failures } from './failures.ts';
import { createHttpWatch } from './http-watch.ts';
import { createNodeFetch } from './node-fetch.ts';
import type { Road, RoadHooks } from './road.ts';
import { maxMessageBytes } from './stdio-road.ts';

export type HttpTarget = Extract<McpServerTarget, { type: 'http' }>;

const farewellMs = 1000;
/** The stream for what the server says unasked; when it stays away so often in a row, the server is gone. */
const reconnection = {
  initialReconnectionDelay: 1000,
  maxReconnectionDelay: 30_000,
  reconnectionDelayGrowFactor: 2,
  maxRetries: 3,
};

/** Streamable HTTP, or the older transport with a stream of server-sent events. Nothing is sent before the handshake. */
export async function openHttpRoad(
  kind: 'http' | 'sse',
  target: HttpTarget,
  ca: readonly string[] | undefined,
  failures: Failures,
  hooks: RoadHooks,
): Promise<Road> {
  const { SSEClientTransport, SseError, StreamableHTTPClientTransport } = await import(
    '@modelcontextprotocol/client'
  );
  const net = createNodeFetch(maxMessageBytes, ca);
  let problem: ClientError | undefined;
  let closing: Promise<void> | undefined;
  const lose = (error: ClientError) => {
    if (problem !== undefined || closing !== undefined) return;
    problem = error;
    hooks.onLost(error);
    void close();
  };
  const watch = createHttpWatch({
    kind,
    fetch: net.fetch,
    failures,
    clock: hooks.clock,
    onLost: lose,
    onRefused: ({ message }) => hooks.onLog(`(a notification was refused) ${message}`),
    maxStreamFailures: reconnection.maxRetries,
  });
  const options = { fetch: createExactFetch(watch.fetch), requestInit: { headers: { ...target.headers } } };
  const url = new URL(target.url);

  let transport: Transport;
  let sayGoodbye = async (): Promise<void> => {};
  if (kind === 'sse') {
    transport = new SSEClientTransport(url, options);
    // It would open a new stream by itself, which is a new session that nobody has initialised.
    transport.onerror = (error) => {
      if (error instanceof SseError && watch.hadStream())
        lose(failures.unreachable(words('closedConnection')));
    };
  } else {
    const streamable = new StreamableHTTPClientTransport(url, {
      ...options,
      reconnectionOptions: reconnection,
      reconnectionScheduler: (reconnect, delayMs) => {
        // The server may ask for less.
        const timer = hooks.clock.setTimeout(
          reconnect,
          Math.max(delayMs, reconnection.initialReconnectionDelay),
        );
        return () => hooks.clock.clearTimeout(timer);
      },
    });
    sayGoodbye = () => streamable.terminateSession();
    transport = new CancellingTransport(streamable);
  }

  const send = transport.send.bind(transport);
  transport.send = (message, how) => send(marked(message), how);

  const close = () => {
    closing ??= leave();
    return closing;
  };
  const leave = async () => {
    const patience = new AbortController();
    // A server that is gone, or that does not answer, is left all the same.
    if (problem === undefined)
      await Promise.race([sayGoodbye().catch(() => {}), wait(hooks.clock, farewellMs, patience.signal)]);
    patience.abort();
    await transport.close().catch(() => {});
    net.close();
  };
  return { kind, transport, problem: () => problem ?? watch.openFailure(), heard: watch.heard, close };
}
