import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../core/logger.ts';
import type { BinaryVersion } from '../protocol/binary-frame.ts';
import type { LoadWav } from './answer-speech.ts';
import { createBehaviour } from './behaviour.ts';
import type { ConversationParts } from './conversation-parts.ts';
import { createConversation } from './converse.ts';
import { createImpairedStreamLink } from './impaired-link.ts';
import type { Impairment } from './impairment.ts';
import { createKeepAlive } from './keep-alive.ts';
import { urlOf } from './ota-endpoint.ts';
import type { Script, ScriptConnection } from './script.ts';
import { playScript, type ScriptResult } from './script-player.ts';
import { createWebSocketLink, type WebSocketLink } from './websocket-link.ts';

export const websocketPath = '/xiaozhi/v1/';
/** As real servers have it: a larger message ends the connection with code 1009. */
const maxMessageBytes = 1024 * 1024;
const maxScriptResults = 1000;

export interface WebSocketEndpointOptions extends ConversationParts {
  readonly loadWav?: LoadWav | undefined;
  readonly script?: Script | undefined;
  /** A bad network between conversations and devices; scripts are played as they are. */
  readonly impairment?: Impairment | undefined;
  /** May this device talk with this bearer token? */
  admits(deviceId: string, token: string): boolean;
}

export interface WebSocketEndpoint {
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  stop(): void;
  readonly scriptResults: readonly ScriptResult[];
}

export function createWebSocketEndpoint(options: WebSocketEndpointOptions): WebSocketEndpoint {
  const { clock, logger, script, admits, impairment } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
  });
  const keepAlive = createKeepAlive(clock);
  const results: ScriptResult[] = [];
  let connections = 0;

  function accept(request: IncomingMessage, raw: Socket, head: Buffer, scripted?: Scripted): void {
    const converse = scripted?.connection.converse;
    const behaviour = converse ? createBehaviour(converse) : options.behaviour;
    sockets.handleUpgrade(request, raw, head, (socket) => {
      // ws reports protocol violations here and then closes the socket itself; the close is what is logged.
      socket.on('error', () => {});
      const deviceId = headerOrQuery(request, 'device-id');
      const deviceLogger = logger.child(deviceId || 'device');
      const asked = versionOf(request);
      // Real servers know bare Opus and the frame of the gateway, whatever a device asks for (servers.md 1.1).
      const version = behaviour.manner === 'plain' || asked === 'gateway' ? asked : 1;
      const link = createWebSocketLink(socket, version, deviceLogger);
      if (scripted && !converse) return serveScript(scripted, socket, raw, link, deviceLogger);
      const refusal = refusalFor(request, deviceId);
      if (refusal) {
        deviceLogger.warn('device refused', { reason: refusal });
        socket.send(refusal);
        socket.close(1000);
        return;
      }
      deviceLogger.info('device connected', { binaryVersion: version });
      keepAlive.watch(socket);
      const parts = { ...options, behaviour, logger: deviceLogger };
      if (!impairment) return link.serve(createConversation(link, parts));
      const impaired = createImpairedStreamLink(link, impairment, clock);
      link.serve(impaired.listen(createConversation(impaired.link, parts)));
    });
  }

  /** Real servers refuse with a plain text after a successful upgrade, so this one does too. */
  function refusalFor(request: IncomingMessage, deviceId: string): string | undefined {
    if (deviceId === '') return '缺少 Device-Id';
    const token = headerOrQuery(request, 'authorization').replace(/^Bearer /iu, '');
    return admits(deviceId, token) ? undefined : '认证失败';
  }

  interface Scripted {
    readonly connection: ScriptConnection;
    readonly index: number;
  }

  function serveScript(
    { connection, index }: Scripted,
    socket: WebSocket,
    raw: Socket,
    link: WebSocketLink,
    deviceLogger: Logger,
  ): void {
    deviceLogger.info('device connected, playing the script', { connection: index });
    const wire = {
      helloFields: link.helloFields,
      sendText: (text: string) => socket.send(text),
      sendBinary: (bytes: Uint8Array) => socket.send(bytes),
      sendRaw: (bytes: Uint8Array) => raw.write(bytes),
      sendAudio: link.sendAudio,
      close: (code: number, reason: string) => socket.close(code, reason),
      terminate: () => raw.resetAndDestroy(),
    };
    link.serve(
      playScript(
        connection,
        wire,
        { ...options, logger: deviceLogger, sessionId: randomUUID() },
        (result) => {
          results.push({ connection: index, ...result });
          if (results.length > maxScriptResults) results.shift();
        },
      ),
    );
  }

  /** Which entry of the script this connection plays; undefined when it is to have a conversation. */
  function nextScripted(): Scripted | undefined {
    if (!script) return undefined;
    const index = connections;
    const connection = script.connections[index];
    if (!connection) return undefined;
    const isLast = index === script.connections.length - 1;
    connections = isLast && script.repeatFrom !== undefined ? script.repeatFrom : index + 1;
    return { connection, index };
  }

  return {
    upgrade(request, socket, head) {
      if (urlOf(request).pathname !== websocketPath) return refuseUpgrade(socket, 404);
      const scripted = nextScripted();
      const upgrade = scripted?.connection.upgrade ?? true;
      if (typeof upgrade === 'number') return refuseUpgrade(socket, upgrade);
      if (upgrade) accept(request, socket, head, scripted);
    },
    stop() {
      keepAlive.stop();
      for (const socket of sockets.clients) socket.terminate();
    },
    scriptResults: results,
  };
}

function refuseUpgrade(socket: Socket, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** The MQTT gateway names itself in the query; everybody else asks with a header, and 1 is the default (firmware C3). */
function versionOf(request: IncomingMessage): BinaryVersion {
  if (request.url?.endsWith('?from=mqtt_gateway')) return 'gateway';
  const asked = Number(request.headers['protocol-version']);
  return asked === 2 || asked === 3 ? asked : 1;
}

/** Browsers cannot set headers, so servers take the same values from the query. */
function headerOrQuery(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : (urlOf(request).searchParams.get(name) ?? '');
}
