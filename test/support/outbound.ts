import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  type AccessPoint,
  type AccessPointOptions,
  createAccessPoint,
} from '../../src/adapters/outbound-link/access-point.ts';
import { readAuthorities } from '../../src/config/authorities.ts';
import type { Logger } from '../../src/core/logger.ts';
import { createChannelServer } from '../../src/mcp/server.ts';
import type { Tool } from '../../src/mcp/tool.ts';
import type { IdleSignal } from '../../src/ports/idle-signal.ts';
import { mcpParts } from './mcp-parts.ts';
import { type Peer, until } from './scripted-server.ts';

/** As in a captured address, with characters that a URL must encode. */
export const token = 'eyJhbGciOiJFUzI1NiJ9.c2VjcmV0%2Bsecret';

export const endpoint = (port: number): string => `ws://127.0.0.1:${port}/mcp/?token=${token}`;

/** A conversation that the test begins and ends. */
export function switchedIdle(): IdleSignal & { set(isIdle: boolean): void; readonly listeners: number } {
  const listeners = new Set<() => void>();
  let idle = true;
  return {
    get isIdle() {
      return idle;
    },
    get listeners() {
      return listeners.size;
    },
    onIdle(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(isIdle) {
      idle = isIdle;
      if (isIdle) for (const listener of listeners) listener();
    },
  };
}

/** Keeps every line with its fields as JSON. */
export function recordingLogger(lines: string[]): Logger {
  const keep = (message: string, fields?: object) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { child: () => logger, debug: keep, info: keep, warn: keep, error: keep };
  return logger;
}

/** An access point with a real registry and dispatcher behind it, on a clock that the test moves. */
export async function accessPointBench(
  url: string,
  tools: readonly Tool[] = [],
  options: Partial<Pick<AccessPointOptions, 'profile' | 'random' | 'caFile'>> = {},
) {
  const parts = await mcpParts(tools);
  const idle = switchedIdle();
  const lines: string[] = [];
  const logger = recordingLogger(lines);
  const point: AccessPoint = createAccessPoint({
    name: '',
    url,
    profile: 'official',
    clock: parts.clock,
    wallClock: parts.wallClock,
    random: () => 0.5,
    logger,
    readAuthorities,
    idle,
    openServer: (connection) =>
      createChannelServer({
        ...parts,
        name: 'speaker',
        version: '1.0.0',
        channel: 'access-point',
        logger,
        ...connection,
      }),
    onStatus: (status) => lines.push(JSON.stringify(status)),
    onProblem: (error) => lines.push(`problem ${error.message}`),
    ...options,
  });
  const state = () => point.status().state;
  return {
    ...parts,
    point,
    idle,
    /** Everything that was logged, reported or told. */
    lines,
    problems: () => lines.filter((line) => line.startsWith('problem ')),
    state,
    /** Waits for the given state on real sockets; the clock stands still. */
    reach: (wanted: string) => until(() => state() === wanted),
  };
}

/** The last `count` answers of a peer, as JSON. */
export async function answers(peer: Peer, count: number): Promise<unknown[]> {
  await until(() => peer.texts.length >= count);
  return peer.texts.map((text) => JSON.parse(text));
}

export interface RawServer {
  readonly port: number;
  /** Connections so far. */
  readonly connections: readonly Socket[];
  stop(): Promise<void>;
}

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Answer to the upgrade that is in `request`. */
export function upgradeAnswer(request: string): Buffer {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64');
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
}

/** An unmasked text frame. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head =
    payload.length < 126
      ? Buffer.from([0x81, payload.length])
      : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, payload]);
}

/** A TCP server that gets the head of each upgrade request and does what the test says, below WebSocket. */
export async function startRawServer(
  onRequest: (connection: Socket, request: string) => void,
): Promise<RawServer> {
  const connections: Socket[] = [];
  const server = createServer((connection) => {
    connections.push(connection);
    let request = '';
    connection.on('error', () => {});
    connection.on('data', (data: Buffer) => {
      if (request.endsWith('\r\n\r\n')) return;
      request += data.toString('latin1');
      if (request.endsWith('\r\n\r\n')) onRequest(connection, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async stop() {
      for (const connection of connections) connection.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
