import type { JSONRPCRequest, Server } from '@modelcontextprotocol/server';
import { messageOf, toClientError } from '../core/errors.ts';
import { assertNever } from '../core/exhaustive.ts';
import { lazyPart } from '../core/lazy-part.ts';
import type { Logger } from '../core/logger.ts';
import type { AccessList } from './access-list.ts';
import { createChannelCalls, type FailureStyle } from './channel-calls.ts';
import { createChannelTransport } from './channel-transport.ts';
import type { Dispatcher } from './dispatcher.ts';
import {
  normalise,
  type RequestId,
  rpcErrorCode,
  type VisionEndpoint,
  withUserToolsKey,
} from './normalise.ts';
import { defaultPageBytes, listedText, pageOf, unlistable } from './paging.ts';
import type { ToolRegistry } from './registry.ts';
import { rpcErrorOf } from './result.ts';
import type { Tool } from './tool.ts';

/** Messages that come while the SDK is being loaded; more are dropped, and the server asks again. */
const maxEarlyMessages = 256;

export interface ChannelServerOptions {
  readonly registry: ToolRegistry;
  /** What this channel offers and lets be called; the dispatcher keeps the list of all channels besides. */
  readonly access: Pick<AccessList, 'permits'>;
  readonly dispatcher: Dispatcher;
  /** In `serverInfo`: board name and version of this program (firmware G10). */
  readonly name: string;
  readonly version: string;
  /** In events, and with tasks: `device`. */
  readonly channel: string;
  readonly logger: Logger;
  /** Hands one JSON-RPC object to the channel; false when the channel is gone. Must not throw. */
  send(payload: unknown): boolean;
  /** See `ToolUse` of the runtime. Must not throw. */
  readonly onUse?: (use: 'introduced' | 'listed' | 'called' | 'answered') => void;
  /** The server has said where pictures are explained. */
  readonly onVision?: (vision: VisionEndpoint) => void;
  /** How long the server waits for the answer of a call; not set: as long as it takes. */
  readonly replyWithinMs?: number;
  /** Longest page of `tools/list`; 8000 as the firmware has it. */
  readonly maxPageBytes?: number;
  /** Most tools on a page; 32, because gateways drop larger pages whole. */
  readonly maxPageTools?: number;
  /** What the channel takes in one message at this moment; not given: anything. */
  readonly maxPayloadBytes?: () => number;
  /** How a failed call is told; a JSON-RPC error when not given. */
  readonly failures?: FailureStyle;
  /** `false`: what is handed over is kept to be read and not announced here. */
  readonly announce?: boolean;
}

/** The MCP server at one channel. */
export interface ChannelServer {
  /** One payload of the server, unchecked. Never throws. */
  receive(payload: Readonly<Record<string, unknown>>): void;
  /** The list that the server has read last is not what it would read now. */
  isOutdated(): boolean;
  /** Calls that have not been answered. */
  readonly openCalls: number;
  /** Tells the server that the list has changed. Many never ask again; those have to be met anew (`isOutdated`). */
  announceChange(): void;
  /** The channel is gone: nothing is sent any more, results of running calls become mail. Idempotent. */
  close(): Promise<void>;
}

/** Takes tens of milliseconds, once: done ahead, the first message of a conversation leaves no gap in its sound. */
export const loadServerSdk = lazyPart(() =>
  Promise.all([
    import('@modelcontextprotocol/server'),
    import('@modelcontextprotocol/server/validators/cf-worker'),
  ]),
);

/**
 * One channel: the SDK answers initialize, at any time and any number of times, tools/list in pages, and ping. Calls go to
 * the dispatcher without it, because its checks and signals would take twice the time of all the rest of a call.
 * The SDK is loaded by the first message, unless `loadServerSdk` was called before: a start must not wait for it.
 */
export function createChannelServer(options: ChannelServerOptions): ChannelServer {
  const { registry, access, dispatcher, channel, logger, replyWithinMs, maxPageBytes, maxPageTools } =
    options;
  const permits = (name: string) => access.permits(name);
  const early: JSONRPCRequest[] = [];
  const counters = { ignored: 0, refused: 0, tooLarge: 0 };
  let gone = false;
  let reportedUnlistable = '';
  let connecting: Promise<Server | undefined> | undefined;
  let connected = false;

  const { onUse = () => {} } = options;
  const send = withinLimit(options, (bytes) => {
    counters.tooLarge += 1;
    logger.warn('An answer is too large for this channel; an error is sent in its place', { bytes });
  });
  const transport = createChannelTransport((payload) => {
    const isSent = send(payload);
    if (isSent && isLastPage(payload)) onUse('listed');
    return isSent;
  });
  const calls = createChannelCalls({
    dispatcher,
    channel,
    send,
    onTaken: () => onUse('called'),
    onEnded: () => onUse('answered'),
    permits,
    ...(options.maxPayloadBytes && { maxPayloadBytes: options.maxPayloadBytes }),
    ...(replyWithinMs !== undefined && { replyWithinMs }),
    ...(options.failures && { failures: options.failures }),
    ...(options.announce !== undefined && { announce: options.announce }),
  });
  /** What the server has read, and how it asked. */
  let read: { readonly text: string; readonly withUserTools: boolean } | undefined;

  const offeredTo = (withUserTools: boolean) =>
    registry.list().filter(({ name, audience }) => permits(name) && (withUserTools || audience === 'model'));

  /** What the channel takes bounds the page, too. */
  function pageBytes(id: RequestId): number | undefined {
    if (!options.maxPayloadBytes) return maxPageBytes;
    const beside = Buffer.byteLength(JSON.stringify({ jsonrpc: '2.0', id, result: 0 }));
    return Math.min(maxPageBytes ?? defaultPageBytes, options.maxPayloadBytes() - beside);
  }

  function listTools(
    id: RequestId,
    cursor: string | undefined,
    withUserTools: boolean,
  ): Record<string, unknown> {
    const maxBytes = pageBytes(id);
    const offered = offeredTo(withUserTools);
    if (cursor === undefined) read = { text: textOf(offered), withUserTools };
    const limit = {
      ...(maxBytes !== undefined && { maxBytes }),
      ...(maxPageTools !== undefined && { maxTools: maxPageTools }),
    };
    reportUnlistable(unlistable(offered, maxBytes));
    return { ...pageOf(offered, { ...limit, cursor: visible(cursor, offered) }) };
  }

  /** A cursor that names a tool that is not shown goes on with the next that is (firmware G23). */
  function visible(
    cursor: string | undefined,
    offered: ReturnType<ToolRegistry['list']>,
  ): string | undefined {
    if (cursor === undefined || offered.some(({ name }) => name === cursor)) return cursor;
    const all = registry.list();
    const from = all.findIndex(({ name }) => name === cursor);
    if (from < 0) return cursor;
    return all.slice(from).find((tool) => offered.includes(tool))?.name ?? cursor;
  }

  function reportUnlistable(names: readonly string[]): void {
    const joined = names.join(', ');
    if (joined !== reportedUnlistable && joined !== '')
      logger.warn('Tools too large to be listed are left out; shorten their description or schema', {
        tools: joined,
      });
    reportedUnlistable = joined;
  }

  async function connect(): Promise<Server | undefined> {
    const [{ Server }, { CfWorkerJsonSchemaValidator }] = await loadServerSdk();
    if (gone) return undefined;
    const server = new Server(
      { name: options.name, version: options.version },
      {
        capabilities: { tools: { listChanged: true } },
        jsonSchemaValidator: new CfWorkerJsonSchemaValidator(),
      },
    );
    server.onerror = (error) => logger.debug('MCP channel', { message: messageOf(error) });
    server.setRequestHandler('tools/list', ({ params }, { mcpReq }) => {
      try {
        const withUserTools = params?._meta?.[withUserToolsKey] === true;
        return listTools(mcpReq.id, params?.cursor, withUserTools) as { tools: [] };
      } catch (thrown) {
        throw rpcError(thrown);
      }
    });
    await server.connect(transport);
    return server;
  }

  async function connectAndCatchUp(): Promise<Server | undefined> {
    try {
      const server = await connect();
      connected = server !== undefined;
      for (const request of early.splice(0)) if (connected) transport.receive(request);
      return server;
    } catch (thrown) {
      const { message } = toClientError(thrown);
      logger.error('The MCP server could not be started', { message });
      // The next message tries again.
      connecting = undefined;
      for (const { id } of early.splice(0))
        options.send({ jsonrpc: '2.0', id, error: { code: -32_603, message } });
      return undefined;
    }
  }

  function ask(request: JSONRPCRequest): void {
    if (connected) {
      transport.receive(request);
      return;
    }
    if (early.length < maxEarlyMessages) early.push(request);
    else logger.warn('Message dropped: too many came before the MCP server was loaded');
    connecting ??= connectAndCatchUp();
  }

  return {
    receive(payload) {
      if (gone) return;
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
        case 'call':
          calls.take(message);
          return;
        case 'cancellation':
          calls.cancel(message.id);
          return;
        case 'request':
          if (message.vision) options.onVision?.(message.vision);
          if (message.request.method === 'initialize') onUse('introduced');
          ask(message.request);
          return;
        default:
          assertNever(message);
      }
    },
    isOutdated: () => read !== undefined && read.text !== textOf(offeredTo(read.withUserTools)),
    get openCalls() {
      return calls.open;
    },
    announceChange() {
      if (!gone && read !== undefined)
        options.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
    },
    async close() {
      gone = true;
      calls.close();
      early.length = 0;
      const server = await connecting;
      await (server?.close() ?? transport.close());
      logger.debug('MCP channel closed', { ...counters, ...calls.counters });
    },
  };
}

/** An answer to `tools/list` after which nothing is left to read. */
function isLastPage(payload: unknown): boolean {
  const { result } = payload as { result?: { tools?: unknown; nextCursor?: unknown } };
  return result?.tools !== undefined && result.nextCursor === undefined;
}

/** Sends what fits; else an error, for a server that waits is never left without a word. */
function withinLimit(
  { send, maxPayloadBytes }: ChannelServerOptions,
  onTooLarge: (bytes: number) => void,
): (payload: unknown) => boolean {
  if (!maxPayloadBytes) return send;
  return (payload) => {
    const bytes = Buffer.byteLength(JSON.stringify(payload));
    const room = maxPayloadBytes();
    if (bytes <= room) return send(payload);
    onTooLarge(bytes);
    const { id } = payload as { readonly id?: unknown };
    if (id === undefined) return false;
    const error = { code: rpcErrorCode.internal, message: 'The answer is too large for this channel.' };
    const answer = { jsonrpc: '2.0', id, error };
    // An id that leaves no room for an answer cannot be echoed.
    return send(Buffer.byteLength(JSON.stringify(answer)) <= room ? answer : { ...answer, id: null });
  };
}

/** As it goes on the wire: tools that were published anew and say the same are no change. */
const textOf = (tools: readonly Tool[]): string => tools.map(listedText).join();

/** An error in the form the SDK passes on as it is. */
function rpcError(thrown: unknown): Error {
  const { code, message } = rpcErrorOf(toClientError(thrown));
  return Object.assign(new Error(message), { code });
}
