import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTick } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { patience } from './patience.ts';

export type Json = Readonly<Record<string, unknown>>;

/** One device as the server sees it; keeps all it receives, in order. */
export interface Peer {
  readonly socket: WebSocket;
  /** The TCP connection, for what WebSocket would not let one do. */
  readonly connection: Socket;
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly texts: string[];
  readonly frames: Buffer[];
  /** Texts and frames in the order they came; a run of frames is one `audio`. */
  readonly story: string[];
  readonly ended: { readonly code: number; readonly reason: string } | undefined;
  /** An object is sent as a server would: compact, with everything beyond ASCII escaped. */
  send(message: object | string): void;
}

export interface ScriptedServerOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Takes a device; the default only listens. */
  readonly onPeer?: (peer: Peer) => void;
  /** Called for each message of a device. */
  readonly onText?: (peer: Peer, text: string) => void;
  /** Answers the upgrade with these bytes instead of accepting it. */
  readonly refuse?: string;
  readonly maxPayload?: number;
}

export interface ScriptedServer {
  readonly url: string;
  readonly port: number;
  readonly peers: readonly Peer[];
  stop(): Promise<void>;
}

/** A bare WebSocket server on loopback that does what a test tells it, right or wrong. */
export async function startScriptedServer(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
  const http: Server = options.tls ? createTlsServer(options.tls) : createServer();
  const connections = new Set<Socket>();
  const peers: Peer[] = [];
  const sockets = new WebSocketServer({ noServer: true });
  http.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.on('error', () => {});
    connection.on('close', () => connections.delete(connection));
  });
  http.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    if (options.refuse !== undefined) {
      connection.end(options.refuse);
      return;
    }
    sockets.handleUpgrade(request, connection, head, (socket) => {
      const peer = createPeer(socket, request, options.onText);
      peers.push(peer);
      options.onPeer?.(peer);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  return {
    url: `${options.tls ? 'wss' : 'ws'}://127.0.0.1:${port}/xiaozhi/v1/`,
    port,
    peers,
    async stop() {
      for (const connection of connections) connection.destroy();
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}

function createPeer(
  socket: WebSocket,
  request: IncomingMessage,
  onText: ScriptedServerOptions['onText'],
): Peer {
  const texts: string[] = [];
  const frames: Buffer[] = [];
  const story: string[] = [];
  let ended: Peer['ended'];
  const peer: Peer = {
    socket,
    connection: request.socket,
    headers: request.headers,
    url: request.url ?? '',
    texts,
    frames,
    story,
    get ended() {
      return ended;
    },
    send: (message) => socket.send(typeof message === 'string' ? message : asciiJson(message)),
  };
  socket.on('error', () => {});
  socket.on('close', (code, reason) => {
    ended = { code, reason: reason.toString() };
  });
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      frames.push(data);
      if (story.at(-1) !== 'audio') story.push('audio');
      return;
    }
    texts.push(data.toString());
    story.push(data.toString());
    onText?.(peer, data.toString());
  });
  return peer;
}

/** JSON as Python's `json.dumps` writes it by default: pure ASCII. */
function asciiJson(message: object): string {
  return JSON.stringify(message).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const patienceMs = 15_000 * patience;

/** Lets sockets work until `ready`; fails, naming the condition, when it never comes true. */
export async function until(ready: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + patienceMs;
  while (!ready()) {
    if (performance.now() > giveUpMs) throw new Error(`never came true: ${ready}`);
    await nextTick();
  }
}
