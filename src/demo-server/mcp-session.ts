import { z } from 'zod';
import type { Clock, TimerHandle } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';

const callTimeoutMs = 30_000;
const usualListDelayMs = 1000;
const usualMaxPages = 64;
const maxTools = 1000;
const maxPendingCalls = 64;
const initializeId = 1;
const listId = 2;

const envelope = z.looseObject({
  id: z.union([z.number(), z.string()]),
  result: z.unknown().optional(),
  error: z.looseObject({ message: z.string().optional() }).nullish(),
});
const toolPage = z.looseObject({
  tools: z.array(z.looseObject({ name: z.string(), description: z.string().optional() })),
  nextCursor: z.string().nullish(),
});
const callResult = z.looseObject({
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
  isError: z.boolean().nullish(),
});

/** A tool as the device described it. */
export interface DeviceTool {
  readonly name: string;
  readonly description: string;
}

export type ToolAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string };

export interface McpSession {
  /** Complete only after the last page has come. */
  readonly tools: readonly DeviceTool[];
  /** The last page has come. */
  readonly listed: boolean;
  /** Sends `initialize`; the tool list follows one second after its answer, as a real server does it. */
  start(): void;
  /** Takes the `payload` of an mcp message from the device; anything that is no answer to us is ignored. */
  receive(payload: unknown): void;
  /** Calls a tool, known or not. Never rejects; settles after 30 s at the latest, and at once on `stop`. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer>;
  stop(): void;
}

/** Where the clients of real servers differ. */
export interface McpDialect {
  /** From the answer to `initialize` to `tools/list`; 1000 unless given. */
  readonly listDelayMs?: number;
  /** Pages that are read; the rest is never asked for. 64 unless given. */
  readonly maxPages?: number;
  /** Id of the first call; 3 unless given, so that ids are not used twice. */
  readonly firstCallId?: number;
  /** Any answer with the id of `initialize` makes it list again. */
  readonly listsAfterLateAnswer?: boolean;
  /** What is made of the result of a call; all its texts unless given. */
  readResult?(result: unknown): ToolAnswer;
}

export interface McpSessionOptions extends McpDialect {
  /** Sends a JSON-RPC object as the payload of an mcp message. */
  send(payload: object): void;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface PendingCall {
  readonly timer: TimerHandle;
  settle(answer: ToolAnswer): void;
}

/** The server's half of MCP on a device channel: the device is the MCP server, this is its client. */
export function createMcpSession(options: McpSessionOptions): McpSession {
  const { send, clock, logger, readResult = readTexts } = options;
  const { listDelayMs = usualListDelayMs, maxPages = usualMaxPages } = options;
  const calls = new Map<number, PendingCall>();
  let tools: DeviceTool[] = [];
  let collected: DeviceTool[] = [];
  let pages = 0;
  let listed = false;
  let lastId = (options.firstCallId ?? listId + 1) - 1;
  let awaiting: 'nothing' | 'initialize' | 'list' = 'nothing';
  let listTimer: TimerHandle;
  let stopped = false;

  function request(id: number, method: string, params?: object): void {
    send({ jsonrpc: '2.0', id, method, ...(params && { params }) });
  }

  function requestPage(cursor?: string): void {
    awaiting = 'list';
    request(listId, 'tools/list', cursor === undefined ? undefined : { cursor });
  }

  function receivePage(result: unknown): void {
    const page = toolPage.safeParse(result);
    if (!page.success) {
      logger.warn('the tool list of the device is not well formed', {
        reason: z.prettifyError(page.error).slice(0, 500),
      });
      return;
    }
    pages += 1;
    const room = maxTools - collected.length;
    collected.push(
      ...page.data.tools
        .slice(0, room)
        .map(({ name, description }) => ({ name, description: description ?? '' })),
    );
    if (page.data.nextCursor && pages < maxPages && collected.length < maxTools) {
      requestPage(page.data.nextCursor);
      return;
    }
    tools = collected;
    listed = true;
    logger.info('tools of the device', { count: tools.length, names: tools.map(({ name }) => name) });
  }

  function settleCall(id: number, answer: ToolAnswer): void {
    const pending = calls.get(id);
    if (!pending) return;
    calls.delete(id);
    clock.clearTimeout(pending.timer);
    pending.settle(answer);
  }

  return {
    get tools() {
      return tools;
    },
    get listed() {
      return listed;
    },
    start() {
      awaiting = 'initialize';
      request(initializeId, 'initialize', {
        protocolVersion: '2024-11-05',
        capabilities: { roots: { listChanged: true }, sampling: {} },
        clientInfo: { name: 'xiaozhi-speaker demo server', version: '1.0.0' },
      });
    },
    receive(payload) {
      const parsed = envelope.safeParse(payload);
      if (!parsed.success || stopped) return;
      const { result, error } = parsed.data;
      const id = Number(parsed.data.id);
      if (calls.has(id)) {
        settleCall(id, error ? failed(error.message) : readResult(result));
      } else if (error) {
        logger.warn('the device refused an MCP request', { id, reason: String(error.message).slice(0, 500) });
      } else if (id === initializeId && (awaiting === 'initialize' || options.listsAfterLateAnswer)) {
        awaiting = 'nothing';
        collected = [];
        pages = 0;
        clock.clearTimeout(listTimer);
        listTimer = clock.setTimeout(() => requestPage(), listDelayMs);
      } else if (id === listId && awaiting === 'list') {
        awaiting = 'nothing';
        receivePage(result);
      }
    },
    call(name, args) {
      if (stopped) return Promise.resolve(failed('the channel is closed'));
      if (calls.size >= maxPendingCalls)
        return Promise.resolve(failed(`${maxPendingCalls} calls are unanswered`));
      lastId += 1;
      const id = lastId;
      return new Promise((resolve) => {
        const timer = clock.setTimeout(
          () => settleCall(id, failed(`no answer within ${callTimeoutMs / 1000} s`)),
          callTimeoutMs,
        );
        calls.set(id, { timer, settle: resolve });
        request(id, 'tools/call', { name, arguments: args });
      });
    },
    stop() {
      stopped = true;
      clock.clearTimeout(listTimer);
      for (const id of [...calls.keys()]) settleCall(id, failed('the channel was closed'));
    },
  };
}

function failed(reason: string | undefined): ToolAnswer {
  return { ok: false, reason: reason || 'the device gave no reason' };
}

function readTexts(result: unknown): ToolAnswer {
  const parsed = callResult.safeParse(result);
  if (!parsed.success)
    return failed(`the result has no content: ${messageOf(z.prettifyError(parsed.error))}`);
  const text = parsed.data.content.map((block) => block.text ?? `[${block.type}]`).join('\n');
  return parsed.data.isError ? failed(text) : { ok: true, text };
}
