import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf, toClientError } from '../../core/errors.ts';
import { lazyPart } from '../../core/lazy-part.ts';
import type { Logger } from '../../core/logger.ts';
import type { ControlPowers } from '../../ports/control-api.ts';
import type { EventSockets } from './event-sockets.ts';
import { failureOf } from './failure.ts';
import { type Entrance, maxBodyBytes, type Refusal, refusalOf, tooLarge } from './guard.ts';
import { listenOnSocket, removeOwnSocket } from './unix-socket.ts';

const maxConnections = 256;
/** Of those nobody has been let in by; of more, the oldest goes. */
const maxStrangers = 16;
/** For the head of a request, and for all of it: who is slower does not mean it. */
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const checkingIntervalMs = 1_000;
const keepAliveTimeoutMs = 5000;
const lastCallMs = 50;
/** Who has asked something when the device ends is answered, but not waited for much longer. */
const farewellMs = 500;
const eventsPath = '/v1/events';

export interface ControlApiParts {
  readonly powers: ControlPowers;
  readonly socketPath: string;
  readonly tcp?:
    | {
        readonly host: string;
        readonly port: number;
        readonly token: string;
        readonly allowedHosts: readonly string[];
      }
    | undefined;
  /** Of the device, in the OpenAPI document. */
  readonly version: string;
  readonly clock: Clock;
  /** What `t` of events counts from, on `clock`. */
  readonly startMs: number;
  readonly logger: Logger;
  /** CONTROL_UNAVAILABLE: one of its addresses cannot be had. Must not throw. */
  readonly onProblem: (error: ClientError) => void;
}

/** The control API of a running device. */
export interface ControlApi {
  /** Opens socket and port. Never rejects: what cannot be opened is reported, and the device goes on without. */
  listen(): Promise<void>;
  /** Where it listens on TCP, once it does. */
  readonly port: number | undefined;
  readonly counters: { readonly refused: number; readonly events: EventSockets['counters'] };
  /** Ends all connections and removes the socket. Idempotent. */
  close(): Promise<void>;
}

/** What is needed to answer; loaded by the first request that may come in, because most devices are never asked. */
interface Answering {
  readonly listener: RequestListener;
  readonly events: EventSockets;
}

export function createControlApi(parts: ControlApiParts): ControlApi {
  const { logger, onProblem, tcp, clock } = parts;
  const servers: Server[] = [];
  let answering: Answering | undefined;
  let refused = 0;
  let port: number | undefined;
  let opening: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function load(): Promise<Answering> {
    const loaded = await loadParts();
    answering ??= answeringOf(parts, loaded);
    return answering;
  }

  /** True when the request has been turned away. */
  function turnsAway(
    request: IncomingMessage,
    entrance: Entrance,
    tell: (refusal: Refusal) => void,
  ): boolean {
    const { method = 'GET', headers } = request;
    const refusal = refusalOf({ method, path: pathOf(request), headers }, entrance);
    if (!refusal) return false;
    refused += 1;
    tell(refusal);
    return true;
  }

  function openServer(entrance: Entrance): Server {
    const server = createServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: checkingIntervalMs,
    });
    server.maxConnections = maxConnections + maxStrangers;
    // Only its owner can open the socket, and may be in a hurry: many at once are no strangers there.
    const letIn = entrance.kind === 'socket' ? () => {} : watchStrangers(server);
    // Later errors (no descriptors left, say) cost a connection, not the device.
    server.on('error', (error) => logger.warn('The control API', { message: error.message }));
    server.on('request', (request, response) => {
      if (turnsAway(request, entrance, (refusal) => refuse(response, refusal))) return;
      letIn(request.socket);
      Promise.all([load(), withWholeBody(request)]).then(
        ([{ listener }, isWhole]) => {
          if (isWhole) listener(request, response);
          else refuse(response, tooLarge);
        },
        (thrown: unknown) => {
          const { code, message } = toClientError(thrown);
          logger.error('The control API cannot be loaded', { message });
          refuse(response, { status: 503, code, message });
        },
      );
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      if (turnsAway(request, entrance, ({ status }) => endUpgrade(socket, status))) return;
      letIn(request.socket);
      if (pathOf(request) !== eventsPath) endUpgrade(socket, 404);
      else
        load().then(
          ({ events }) => events.accept(request, socket, head),
          () => endUpgrade(socket, 503),
        );
    });
    servers.push(server);
    return server;
  }

  async function listenOnTcp({ host, port: wanted, ...guard }: NonNullable<typeof tcp>): Promise<void> {
    const server = openServer({ kind: 'tcp', ...guard, allowedHosts: [host, ...guard.allowedHosts] });
    try {
      server.listen(wanted, host);
      await once(server, 'listening');
      port = (server.address() as AddressInfo).port;
      logger.info('The control API listens', { host, port });
    } catch (cause) {
      throw portUnavailable(host, wanted, cause);
    }
  }

  async function open(): Promise<void> {
    const opened = await Promise.allSettled([
      listenOnSocket(openServer({ kind: 'socket' }), parts.socketPath),
      ...(tcp ? [listenOnTcp(tcp)] : []),
    ]);
    for (const one of opened) if (one.status === 'rejected') onProblem(toClientError(one.reason));
  }

  async function end(): Promise<void> {
    await opening;
    answering?.events.close();
    // Who has just connected is let in before the door is shut: else they would be cut off without a word.
    if (opening) {
      await removeOwnSocket(parts.socketPath, servers);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, lastCallMs));
      // This process may have stood still for longer: one turn to accept them, one to read what they ask.
      for (let turn = 0; turn < 3; turn++) await nextTurn();
    }
    await Promise.all(servers.map((server) => closeServer(server, clock)));
  }

  return {
    listen() {
      opening ??= open();
      return opening;
    },
    get port() {
      return port;
    },
    get counters() {
      return { refused, events: answering?.events.counters ?? { readers: 0, cut: 0, refused: 0 } };
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}

/** Who keeps connections open and says nothing must not keep others out. Returns what tells that somebody was let in. */
function watchStrangers(server: Server): (socket: Socket) => void {
  const strangers = new Set<Socket>();
  server.on('connection', (socket) => {
    strangers.add(socket);
    socket.once('close', () => strangers.delete(socket));
    const [oldest] = strangers;
    if (strangers.size > maxStrangers) oldest?.destroy();
  });
  return (socket) => void strangers.delete(socket);
}

/**
 * A body that comes in chunks is read here, as far as the bound goes, and left where the listener finds it; false when it is
 * longer. One that says its length has been looked at already.
 */
async function withWholeBody(request: IncomingMessage & { rawBody?: Buffer }): Promise<boolean> {
  if (request.headers['transfer-encoding'] === undefined) return true;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return false;
    chunks.push(chunk);
  }
  request.rawBody = Buffer.concat(chunks);
  return true;
}

async function closeServer(server: Server, clock: Clock): Promise<void> {
  // That of HTTP would cut those off at once who have connected and not asked yet.
  const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(server, () => resolve()));
  const cut = clock.setTimeout(() => server.closeAllConnections(), farewellMs);
  await closed;
  clock.clearTimeout(cut);
  server.close(() => {});
}

const loadParts = lazyPart(async () => {
  const [app, listener, events] = await Promise.all([
    import('./control-app.ts'),
    import('./request-listener.ts'),
    import('./event-sockets.ts'),
  ]);
  return { ...app, ...listener, ...events };
});

function answeringOf(
  { powers, logger, version, clock, startMs }: ControlApiParts,
  { createControlApp, requestListenerOf, createEventSockets }: Awaited<ReturnType<typeof loadParts>>,
): Answering {
  const app = createControlApp(powers, logger, version);
  return {
    listener: requestListenerOf(app.fetch),
    events: createEventSockets({ subscribe: (listener) => powers.subscribe(listener), clock, startMs }),
  };
}

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? '/';

/** The rest of the request is not read. */
function refuse(
  response: ServerResponse,
  { status, code, message }: { readonly status: number; readonly code: string; readonly message: string },
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    connection: 'close',
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
  });
  response.end(JSON.stringify(failureOf(code, message)));
}

function endUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function portUnavailable(host: string, port: number, cause: unknown): ClientError {
  return new ClientError(
    ErrorCode.controlUnavailable,
    `The control API cannot listen on ${host}:${port} (${messageOf(cause)}); the device goes on without it. Choose another control.tcp.port.`,
    { cause },
  );
}
