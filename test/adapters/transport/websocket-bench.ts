import {
  WebSocketTransport,
  type WebSocketTransportOptions,
} from '../../../src/adapters/transport/websocket-transport.ts';
import {
  type BinaryVersion,
  decodeBinaryFrame,
  encodeBinaryFrame,
} from '../../../src/protocol/binary-frame.ts';
import type { FarEnd, TransportBench } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type Peer, type ScriptedServer, startScriptedServer, until } from '../../support/scripted-server.ts';

export const device = {
  deviceId: '02:00:5e:10:20:30',
  clientId: '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
} as const;

/** Everything a WebSocket transport needs but where to go; pings are off unless a test is about them. */
export function webSocketTransport(
  url: string,
  clock: FakeClock,
  options: Partial<WebSocketTransportOptions> & { token?: string; version?: number } = {},
): WebSocketTransport {
  const { token = '', version = 1, ...rest } = options;
  return new WebSocketTransport({
    endpoint: { url, token, version },
    ...device,
    uplink: { sampleRateHz: 16_000, frameDurationMs: 60 },
    handshakeTimeoutMs: 10_000,
    helloTimeoutMs: 10_000,
    pingIntervalMs: 0,
    idleTimeoutMs: 0,
    clock,
    ...rest,
  });
}

export const helloOf = (sessionId = 's-1') => ({
  type: 'hello',
  transport: 'websocket',
  session_id: sessionId,
});

export async function startWebSocketBench(version: BinaryVersion): Promise<TransportBench> {
  const clock = new FakeClock();
  const server: ScriptedServer = await startScriptedServer();
  const path = version === 'gateway' ? '?from=mqtt_gateway' : '';
  const versionNumber = version === 'gateway' ? 1 : version;
  let opened = 0;
  return {
    clock,
    create: (limits) => {
      opened = server.peers.length + 1;
      return webSocketTransport(server.url + path, clock, { ...limits, version: versionNumber });
    },
    createUnreachable: () => webSocketTransport('ws://127.0.0.1:1/', clock),
    arrived: async () => {
      await until(() => server.peers.length >= opened && server.peers.at(-1)?.texts.length !== 0);
      return farEndOf(server.peers.at(-1) as Peer, version);
    },
    stop: () => server.stop(),
  };
}

function farEndOf(peer: Peer, version: BinaryVersion): FarEnd {
  return {
    get texts() {
      return peer.texts.slice(1);
    },
    get packets() {
      return peer.frames.flatMap((bytes) => {
        const frame = decodeBinaryFrame(version, bytes);
        return frame.ok ? [frame.packet] : [];
      });
    },
    get left() {
      return peer.ended !== undefined;
    },
    sayHello: (sessionId, audioParams) =>
      peer.send({ ...helloOf(sessionId), ...(audioParams ? { audio_params: audioParams } : {}) }),
    sendText: (text) => peer.send(text),
    sendAudio: (packet) => peer.socket.send(encodeBinaryFrame(version, packet, 1_234)),
    hangUp: () => peer.socket.close(1000),
    stopReading: () => peer.connection.pause(),
  };
}
