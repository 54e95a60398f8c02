import { randomUUID } from 'node:crypto';
import type {
  CallToolResult,
  Server,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { withExactMember } from '../../core/exact-json.ts';
import type { Logger } from '../../core/logger.ts';
import type { LazyTransliteration } from '../../ports/transliteration.ts';
import type { AccessList } from '../access-list.ts';
import { type AsciiNames, createAsciiNames, withOriginal } from '../ascii-names.ts';
import { Caller } from '../caller.ts';
import type { Dispatcher } from '../dispatcher.ts';
import { argumentsIn, normalise, type RequestId, rpcErrorCode } from '../normalise.ts';
import { listed } from '../paging.ts';
import type { ToolRegistry } from '../registry.ts';
import { contentOf, failedResultOf, pictureBeside } from '../result.ts';
import { loadServerSdk } from '../server.ts';
import type { Tool, ToolArguments, ToolOutput } from '../tool.ts';

const maxSessions = 16;
const sessionIdleMs = 30 * 60_000;
const maxBodyBytes = 1024 * 1024;
/** Programs read, they do not listen: as much as is kept of any result. */
const maxResultBytes = 200_000;

export interface HttpEndpointParts {
  readonly registry: ToolRegistry;
  readonly access: Pick<AccessList, 'permits' | 'subscribe'>;
  readonly dispatcher: Dispatcher;
  /** These clients take ASCII letters only in the name of a tool. */
  readonly transliteration: LazyTransliteration;
  /** In `serverInfo`. */
  readonly name: string;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The device's own tools for Claude, Cursor and others: MCP over streamable HTTP, one SDK server per session. */
export interface HttpEndpoint {
  /** One request whose sender may come in. Never rejects. */
  handle(request: Request): Promise<Response>;
  readonly sessionCount: number;
  /** Ends all sessions. Idempotent. */
  close(): Promise<void>;
}

interface Session {
  readonly id: string;
  readonly server: Server;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  lastUsedMs: number;
  /** Requests and calls that are being answered, and streams that are read: somebody is there. */
  users: number;
}

export function createHttpEndpoint(parts: HttpEndpointParts): HttpEndpoint {
  const names = createAsciiNames(parts.transliteration);
  const { registry, clock, logger } = parts;
  /** Least recently used first. */
  const sessions = new Map<string, Session>();
  let timer: TimerHandle;
  let closed = false;

  const tellAll = () => {
    for (const { server } of sessions.values())
      server.sendToolListChanged().catch((thrown: unknown) => {
        logger.debug('MCP over HTTP', { message: messageOf(thrown) });
      });
  };
  const endings = [registry.subscribe(tellAll), parts.access.subscribe(tellAll)];

  /** Returns the release, to be called once. */
  function use(session: Session): () => void {
    session.users += 1;
    return () => {
      session.users -= 1;
      session.lastUsedMs = clock.now();
    };
  }

  async function end(session: Session): Promise<void> {
    if (sessions.get(session.id) === session) sessions.delete(session.id);
    await session.server.close().catch((thrown: unknown) => {
      logger.debug('MCP over HTTP', { message: messageOf(thrown) });
    });
  }

  function expire(): void {
    timer = undefined;
    for (const session of sessions.values())
      if (session.users === 0 && clock.now() - session.lastUsedMs >= sessionIdleMs) void end(session);
    arm();
  }

  /** A timer only while there is a session: idle costs nothing. */
  function arm(): void {
    if (sessions.size > 0) timer ??= clock.setTimeout(expire, sessionIdleMs / 2);
  }

  /** The one that has been quiet for longest gives way; false when somebody is at each of them. */
  function makeRoom(): boolean {
    if (sessions.size < maxSessions) return true;
    const quiet = [...sessions.values()].find(({ users }) => users === 0);
    if (quiet) void end(quiet);
    return quiet !== undefined;
  }

  async function open(): Promise<Session> {
    const [sdk] = await loadServerSdk();
    const { WebStandardStreamableHTTPServerTransport: Transport } = sdk;
    const id = randomUUID();
    const session: Session = {
      id,
      server: await createSessionServer(parts, names, () => use(session)),
      transport: new Transport({
        sessionIdGenerator: () => id,
        onsessioninitialized: () => {
          // Others may have come in while this one was made.
          if (closed || !makeRoom()) return;
          sessions.set(id, session);
          arm();
        },
        onsessionclosed: () => end(session),
        maxRequestBodySize: maxBodyBytes,
      }),
      lastUsedMs: clock.now(),
      users: 0,
    };
    await session.server.connect(session.transport);
    return session;
  }

  async function answer(request: Request): Promise<Response> {
    const id = request.headers.get('mcp-session-id');
    let session = id === null ? undefined : sessions.get(id);
    if (id !== null && !session)
      return refusal(404, 'This session has ended. Initialize again without its id.');
    if (!session) {
      if (closed || !makeRoom()) return refusal(503, 'There are too many sessions. Try again in a minute.');
      session = await open();
    }
    return await answerIn(session, request);
  }

  async function answerIn(session: Session, request: Request): Promise<Response> {
    const release = use(session);
    let isStream = false;
    try {
      const read = request.method === 'POST' ? await readMessage(request) : undefined;
      if (read && 'refusal' in read) return read.refusal;
      const response = await session.transport.handleRequest(request, read && { parsedBody: read.message });
      isStream = request.method === 'GET' && response.ok && !request.signal.aborted;
      return response;
    } finally {
      if (isStream) request.signal.addEventListener('abort', release, { once: true });
      else release();
      if (sessions.delete(session.id)) sessions.set(session.id, session);
      // Its first request was no `initialize`: nobody can ever come back to it.
      else void end(session);
    }
  }

  return {
    get sessionCount() {
      return sessions.size;
    },
    handle: (request) =>
      answer(request).catch((thrown: unknown) => {
        logger.warn('A request of an MCP client failed', { message: messageOf(thrown) });
        return refusal(500, 'Something went wrong inside the device; its log has the details.');
      }),
    async close() {
      closed = true;
      for (const stop of endings) stop();
      clock.clearTimeout(timer);
      await Promise.all([...sessions.values()].map(end));
    },
  };
}

async function createSessionServer(
  parts: HttpEndpointParts,
  names: AsciiNames,
  use: () => () => void,
): Promise<Server> {
  const { registry, access, dispatcher, name, version, logger } = parts;
  const [{ Server }, { CfWorkerJsonSchemaValidator }] = await loadServerSdk();
  const server = new Server(
    { name, version },
    {
      capabilities: { tools: { listChanged: true } },
      jsonSchemaValidator: new CfWorkerJsonSchemaValidator(),
      debouncedNotificationMethods: ['notifications/tools/list_changed'],
    },
  );
  server.onerror = (error) => logger.debug('MCP over HTTP', { message: messageOf(error) });
  const offered = () =>
    registry.list().filter((tool) => tool.audience === 'model' && access.permits(tool.name));
  server.setRequestHandler('tools/list', async () => {
    const tools = offered();
    const shown = await names.of(tools.map((tool) => tool.name));
    return { tools: tools.map((tool) => listedAs(tool, shown.get(tool.name) ?? tool.name)) as never };
  });
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq: { signal } }) => {
    const release = use();
    try {
      return await call(dispatcher, await originalOf(params.name), params.arguments ?? {}, signal);
    } finally {
      release();
    }
  });
  /** A client may also know the tool by what it is called here. */
  async function originalOf(given: string): Promise<string> {
    if (registry.find(given)) return given;
    const shown = await names.of(offered().map((tool) => tool.name));
    return [...shown].find(([, ascii]) => ascii === given)?.[0] ?? given;
  }

  return server;
}

function listedAs(tool: Tool, shown: string): object {
  if (shown === tool.name) return listed(tool);
  const { description, ...rest } = listed(tool);
  return { ...rest, name: shown, description: withOriginal(tool.name, description) };
}

async function call(
  dispatcher: Dispatcher,
  name: string,
  args: ToolArguments,
  signal: AbortSignal,
): Promise<CallToolResult> {
  const caller = new Caller();
  const onAbort = () => caller.end('cancelled');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const reply = await dispatcher.call(name, args, { channel: 'mcp-http', caller });
    if (reply.kind === 'failure') {
      const { content, isError } = failedResultOf(reply.error);
      return { content: [...content], isError };
    }
    if (reply.kind === 'nobody') return { content: [] };
    const content = reply.output ? wholeContentOf(reply.output) : reply.content;
    return { content: [...content] };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The message in a request, read as kindly as the other channels read theirs; or what is answered to one that is none. */
async function readMessage(
  request: Request,
): Promise<{ readonly message: unknown } | { readonly refusal: Response }> {
  const text = await boundedText(request);
  if (text === undefined) return { refusal: refusal(413, 'The message is too large.') };
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { refusal: rpcRefusal(null, rpcErrorCode.parseError, 'The body is not JSON.', 400) };
  }
  if (!isObject(message))
    return {
      message: Array.isArray(message) ? message.map((one) => (isObject(one) ? kindly(one) : one)) : message,
    };
  if (message.method === 'tools/call') {
    const judged = normalise(message);
    if (judged.kind === 'refused')
      return { refusal: rpcRefusal(judged.id, judged.code, judged.message, 200) };
  }
  return { message: kindly(withExactMember(message, text, ['params', 'arguments'])) };
}

/** What the SDK takes: of what clients send besides nothing is of use here, and it would be refused in the words of a validator. */
function kindly({ params: given, ...message }: Json): Json {
  const params = isObject(given) ? given : {};
  switch (message.method) {
    case 'initialize':
      return { ...message, params: introductionOf(params) };
    case 'tools/list':
      return { ...message, params: {} };
    case 'tools/call': {
      const { name } = params;
      return {
        ...message,
        params: {
          name: typeof name === 'string' ? name : '',
          arguments: argumentsIn(params.arguments) ?? {},
        },
      };
    }
    default:
      return isObject(given) ? { ...message, params } : message;
  }
}

/** For clients that name none. */
const usualVersion = '2025-06-18';

function introductionOf({ protocolVersion, clientInfo }: Json): Json {
  const { name, version } = isObject(clientInfo) ? clientInfo : {};
  return {
    protocolVersion: typeof protocolVersion === 'string' ? protocolVersion : usualVersion,
    capabilities: {},
    clientInfo: {
      name: typeof name === 'string' ? name : '',
      version: typeof version === 'string' ? version : '',
    },
  };
}

async function boundedText(request: Request): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const rpcRefusal = (id: RequestId | null, code: number, message: string, status: number): Response =>
  Response.json({ jsonrpc: '2.0', error: { code, message }, id }, { status });

function wholeContentOf(output: ToolOutput) {
  const maxBytes = output.kind === 'image' ? Number.POSITIVE_INFINITY : maxResultBytes;
  return [...contentOf(output, maxBytes, () => undefined), ...pictureBeside(output)];
}

function refusal(status: number, message: string): Response {
  return rpcRefusal(null, -32_000, message, status);
}
