import { z } from 'zod';

/** What our hello says about the uplink. */
export interface UplinkFormat {
  readonly sampleRateHz: number;
  readonly frameDurationMs: number;
}

export interface HelloOptions extends UplinkFormat {
  readonly transport: 'websocket' | 'udp';
  /** Binary protocol version over WebSocket; always 3 over MQTT (firmware D21). */
  readonly version: number;
  /** The server is asked to cancel echo. */
  readonly serverAec?: boolean;
}

/** The device's hello, members in the firmware's order (C5, D21). A speaker has no screen, so it takes no glyphs. */
export function clientHello({
  transport,
  version,
  sampleRateHz,
  frameDurationMs,
  serverAec,
}: HelloOptions): string {
  return JSON.stringify({
    type: 'hello',
    version,
    features: { ...(serverAec ? { aec: true } : {}), mcp: true, glyph_push: false },
    transport,
    audio_params: { format: 'opus', sample_rate: sampleRateHz, channels: 1, frame_duration: frameDurationMs },
  });
}

/** Defaults of firmware C6 where the server says nothing or nonsense. */
const audioParams = z
  .looseObject({
    sample_rate: z.number().int().min(8_000).max(48_000).catch(24_000),
    frame_duration: z.number().min(2.5).max(120).catch(60),
  })
  .catch({ sample_rate: 24_000, frame_duration: 60 });

const serverHello = z.looseObject({
  type: z.literal('hello'),
  transport: z.string(),
  // Said again in every message of ours; no server has ids of that length.
  session_id: z.string().max(4096).catch(''),
  audio_params: audioParams,
});

export interface ServerHello {
  readonly sessionId: string;
  readonly sampleRateHz: number;
  readonly frameDurationMs: number;
}

/** Reads a server hello; undefined when it is none or names another transport, which the firmware ignores too (C6). */
export function readServerHello(
  json: Readonly<Record<string, unknown>>,
  transport: 'websocket' | 'udp',
): ServerHello | undefined {
  const parsed = serverHello.safeParse(json);
  if (!parsed.success || parsed.data.transport !== transport) return undefined;
  const { session_id, audio_params } = parsed.data;
  return {
    sessionId: session_id,
    sampleRateHz: audio_params.sample_rate,
    frameDurationMs: audio_params.frame_duration,
  };
}
