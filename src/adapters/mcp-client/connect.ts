import type { Client, ClientOptions } from '@modelcontextprotocol/client';
import type { Clock } from '../../core/clock.ts';
import { type ClientError, ErrorCode, toClientError } from '../../core/errors.ts';
import { lazyPart } from '../../core/lazy-part.ts';
import { type Logger, silentLogger } from '../../core/logger.ts';
import { programVersion } from '../../core/version.ts';
import { words } from '../../core/words.ts';
import type { ConnectMcpServer, McpClientConnection, McpClientHooks } from '../../ports/mcp-client.ts';
import { type ChangeNotice, createChangeNotice } from './change-notice.ts';
import { createConnection, noTimeoutMs, requestFailure } from './connection.ts';
import { createFailures, type Failures } from './failures.ts';
import { type HttpTarget, openHttpRoad } from './http-road.ts';
import { HttpStatusError } from './http-watch.ts';
import { createLogLines } from './log-lines.ts';
import type { Road, RoadHooks } from './road.ts';
import { openStdioRoad } from './stdio-road.ts';
import { withUsableIntroduction } from './usable-introduction.ts';

export interface McpClientDeps {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** The device's own environment, of which servers inherit a few variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What is trusted with this PEM file. @throws ClientError CONFIG_UNREADABLE */
  readonly readAuthorities: (caFile: string) => readonly string[];
}

/** A server that changes its list all the time costs one reading a second. */
const changePeriodMs = 1000;
const maxLogCharacters = 1000;

/** Results are checked by nobody: schemas of foreign servers reject too much that is of use. */
const clientOptions: ClientOptions = {
  capabilities: {},
  jsonSchemaValidator: {
    getValidator: () => (data) => ({ valid: true, data: data as never, errorMessage: undefined }),
  },
};

/** Connects to MCP servers that others wrote; loads the protocol client with the first one. */
export function createMcpConnector(deps: McpClientDeps): ConnectMcpServer {
  const { clock, logger = silentLogger, env } = deps;
  return async (target, hooks, signal) => {
    const failures = createFailures(target);
    if (signal.aborted) throw failures.aborted(signal);
    if (target.type === 'http' && !(/^https?:\/\//i.test(target.url) && URL.canParse(target.url)))
      throw failures.unusable(words('noUrl'));
    const handshake = (open: OpenRoad) => connectOver(open, { clock, logger, failures, hooks, signal });
    if (target.type === 'stdio') return await handshake((road) => openStdioRoad(target, env, failures, road));
    const { url, caFile } = target;
    const isSecure = /^https:/i.test(url);
    const ca = caFile !== undefined && isSecure ? deps.readAuthorities(caFile) : undefined;
    return await connectHttp(target, (kind) =>
      handshake((road) => openHttpRoad(kind, target, ca, failures, road)),
    );
  };
}

/** The older transport is a second try where the server does not know the newer one. */
async function connectHttp(
  { transport }: HttpTarget,
  connect: (kind: 'http' | 'sse') => Promise<McpClientConnection>,
): Promise<McpClientConnection> {
  if (transport === 'sse') return await connect('sse');
  try {
    return await connect('http');
  } catch (first) {
    if (transport === 'streamable' || !mayBeOlder(first)) throw first;
    return await connect('sse').catch((second) => {
      throw saysMore(second) ? second : first;
    });
  }
}

/** Both transports failed; the newer one's words count, unless the older one came further. */
const saysMore = (second: unknown): boolean =>
  second instanceof HttpStatusError
    ? isRefusal(second.status)
    : toClientError(second).code !== ErrorCode.toolUnreachable;

const isRefusal = (status: number): boolean => status === 401 || status === 403;

function mayBeOlder(thrown: unknown): boolean {
  return (
    thrown instanceof HttpStatusError &&
    thrown.status >= 400 &&
    thrown.status < 500 &&
    !isRefusal(thrown.status)
  );
}

type OpenRoad = (hooks: RoadHooks) => Promise<Road>;

interface Handshake {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failures: Failures;
  readonly hooks: McpClientHooks;
  readonly signal: AbortSignal;
}

async function connectOver(open: OpenRoad, handshake: Handshake): Promise<McpClientConnection> {
  const { clock, failures, hooks, signal } = handshake;
  const changes = createChangeNotice(clock, changePeriodMs, () => hooks.onToolsChanged());
  let ready = false;
  const road = await open({
    clock,
    onLog: (line) => hooks.onLog(line),
    onLost: (error: ClientError) => {
      changes.stop();
      if (ready) hooks.onClosed(error);
    },
  });
  try {
    const client = await createClient(handshake, changes);
    const { SUPPORTED_PROTOCOL_VERSIONS: versions } = await loadClient();
    const transport = withUsableIntroduction(road.transport, versions);
    await endedBy(signal, client.connect(transport, { signal, timeout: noTimeoutMs }));
    if (signal.aborted) throw failures.aborted(signal);
    ready = true;
    return createConnection({ client, road, clock, failures, onClosing: () => changes.stop() });
  } catch (thrown) {
    changes.stop();
    const problem = signal.aborted ? undefined : road.problem();
    await road.close();
    throw problem ?? requestFailure(thrown, signal, { road, failures });
  }
}

const loadClient = lazyPart(() => import('@modelcontextprotocol/client'));

async function createClient(
  { clock, logger, hooks, failures }: Handshake,
  changes: ChangeNotice,
): Promise<Client> {
  const { Client } = await loadClient();
  const client = new Client({ name: 'xiaozhi-speaker', version: programVersion }, clientOptions);
  const log = createLogLines(clock, (line) => hooks.onLog(line));
  client.setNotificationHandler('notifications/tools/list_changed', () => changes.changed());
  client.setNotificationHandler('notifications/message', ({ params: { level, data } }) => {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    log(failures.quoted(`${level}: ${text}`, maxLogCharacters));
  });
  // Answers that come too late, messages that are none: nothing that anybody could do something about.
  const unused = createLogLines(clock, (problem) =>
    logger.debug('Message of an MCP server not used', { problem: failures.quoted(problem) }),
  );
  client.onerror = ({ message }) => unused(message);
  return client;
}

/** Some ways of the client do not look at the signal, such as waiting for a stream to open. */
async function endedBy(signal: AbortSignal, work: Promise<void>): Promise<void> {
  let onAbort = () => {};
  const aborted = new Promise<void>((resolve) => {
    onAbort = resolve;
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) resolve();
  });
  work.catch(() => {});
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
