import { setImmediate as nextTick } from 'node:timers/promises';
import { type ClientOptions, WebSocket } from 'ws';
import { loadOpusCodec } from '../../src/adapters/audio/opus-discord.ts';
import { silentLogger } from '../../src/core/logger.ts';
import {
  createDemoServer,
  type DemoServer,
  type DemoServerOptions,
  type DemoServerParts,
  type DemoServerUrls,
} from '../../src/demo-server/server.ts';
import { FakeClock } from './fake-clock.ts';

export type Json = Record<string, unknown>;

/** A device as the server sees it: keeps all it receives, in order. */
export interface DemoClient {
  readonly messages: Json[];
  /** Text frames as they came, also those that are not JSON. */
  readonly texts: string[];
  /** Binary frames as they came. */
  readonly frames: Uint8Array[];
  readonly ended: { readonly code: number; readonly reason: string } | undefined;
  readonly socket: WebSocket;
  send(message: object | string): void;
  sendFrames(frames: readonly Uint8Array[]): void;
  /** Types in order, with the state of tts messages: `['hello', 'stt', 'tts start']`. */
  story(): string[];
}

/** A demo server on a real socket whose clock is ours. */
export interface DemoBench extends DemoServerUrls {
  readonly server: DemoServer;
  readonly clock: FakeClock;
  connect(options?: ClientOptions & { query?: string }): Promise<DemoClient>;
  /** Connects and says hello; resolves when the server has answered. */
  greet(hello?: object, options?: ClientOptions & { query?: string }): Promise<DemoClient>;
  /** Lets time and packets flow until `ready`; fails with `ready`'s text when it never is. */
  until(ready: () => boolean): Promise<void>;
  /** Lets this much time and everything that is due in it pass. */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export const codec = await loadOpusCodec();
export const deviceHeaders = {
  'device-id': '02:00:5e:10:20:30',
  'client-id': '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
};

const stepMs = 20;
const patienceMs = 15_000;

export async function startDemoBench(
  options: Partial<DemoServerOptions> = {},
  parts: Partial<DemoServerParts> = {},
): Promise<DemoBench> {
  const clock = new FakeClock();
  const server = createDemoServer(
    { host: '127.0.0.1', port: 0, ...options },
    { codec, clock, logger: silentLogger, ...parts },
  );
  const urls = await server.start();
  const clients: DemoClient[] = [];

  async function until(ready: () => boolean): Promise<void> {
    const giveUpMs = performance.now() + patienceMs;
    while (!ready()) {
      if (performance.now() > giveUpMs) throw new Error(`never came true: ${ready}`);
      await nextTick();
      clock.advance(stepMs);
    }
  }

  async function connect({ query = '', headers, ...rest }: ClientOptions & { query?: string } = {}) {
    const client = openClient(urls.websocketUrl + query, {
      headers: { ...deviceHeaders, ...headers },
      ...rest,
    });
    clients.push(client);
    await until(() => client.socket.readyState !== WebSocket.CONNECTING);
    return client;
  }

  return {
    ...urls,
    server,
    clock,
    connect,
    async greet(hello = { type: 'hello', version: 1, transport: 'websocket' }, clientOptions) {
      const client = await connect(clientOptions);
      client.send(hello);
      await until(() => client.messages.some(({ type }) => type === 'hello'));
      return client;
    },
    until,
    async pass(ms) {
      for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
        await nextTick();
        clock.advance(Math.min(stepMs, ms - passedMs));
      }
      for (let i = 0; i < 5; i++) await nextTick();
    },
    async stop() {
      for (const { socket } of clients) socket.terminate();
      await server.stop();
    },
  };
}

function openClient(url: string, options: ClientOptions): DemoClient {
  const socket = new WebSocket(url, options);
  const messages: Json[] = [];
  const texts: string[] = [];
  const frames: Uint8Array[] = [];
  let ended: DemoClient['ended'];
  socket.on('error', () => {});
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) {
      frames.push(data);
      return;
    }
    texts.push(data.toString());
    try {
      messages.push(JSON.parse(data.toString()));
    } catch {
      // Kept in `texts`.
    }
  });
  socket.on('close', (code, reason) => {
    ended = { code, reason: reason.toString() };
  });
  return {
    messages,
    texts,
    frames,
    socket,
    get ended() {
      return ended;
    },
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    sendFrames(packets) {
      for (const packet of packets) socket.send(packet);
    },
    story: () => messages.map(({ type, state }) => (state === undefined ? `${type}` : `${type} ${state}`)),
  };
}

/** PCM as a device would send it: 16 kHz, 60 ms packets unless told otherwise. */
export function uplinkPackets(pcm: Int16Array, frameDurationMs = 60): Uint8Array[] {
  const samples = 16 * frameDurationMs;
  const encoder = codec.createEncoder({
    sampleRateHz: 16_000,
    frameDurationMs,
    complexity: 0,
    variableBitrate: true,
    discontinuousTransmission: true,
  });
  const packets: Uint8Array[] = [];
  for (let at = 0; at + samples <= pcm.length; at += samples)
    packets.push(encoder.encode(pcm.slice(at, at + samples)));
  return packets;
}

/** What a device would hear. */
export function decodeDownlink(packets: readonly Uint8Array[]): Int16Array {
  const decoder = codec.createDecoder(24_000);
  const frames = packets.map((packet) => decoder.decode(packet));
  const pcm = new Int16Array(frames.reduce((total, frame) => total + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    pcm.set(frame, at);
    at += frame.length;
  }
  return pcm;
}
