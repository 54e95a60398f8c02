import { z } from 'zod';
import { printableText } from '../core/printable-text.ts';

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
  // As sent by some: text. 0 stands in every message of others (servers.md 5.1).
  version: z.coerce.number().int().min(1).max(3).optional().catch(undefined),
  audio_params: audioParams,
});

export interface ServerHello {
  readonly sessionId: string;
  readonly sampleRateHz: number;
  readonly frameDurationMs: number;
}

/** A hello, or what is wrong with it: the second half of “The server said hello, but …”. */
export type ReadHello<Hello> =
  | {
      readonly ok: true;
      readonly hello: Hello;
      /** Binary protocol version that the server speaks, where it says so. */
      readonly version?: number | undefined;
    }
  | { readonly ok: false; readonly fault: string };

/** Reads a server hello. One that names another transport, or none, counts for nothing in the firmware, too (C6). */
export function readServerHello(
  json: Readonly<Record<string, unknown>>,
  transport: 'websocket' | 'udp',
): ReadHello<ServerHello> {
  const parsed = serverHello.safeParse(json);
  if (!parsed.success || parsed.data.transport !== transport) {
    return { ok: false, fault: transportFault(json.transport, transport) };
  }
  const { session_id, audio_params, version } = parsed.data;
  return {
    ok: true,
    hello: {
      sessionId: session_id,
      sampleRateHz: audio_params.sample_rate,
      frameDurationMs: audio_params.frame_duration,
    },
    ...(version !== undefined && { version }),
  };
}

function transportFault(found: unknown, wanted: string): string {
  if (found === undefined || found === null) return `transport is missing; it must be "${wanted}"`;
  const shown = typeof found === 'string' ? `"${printableText(found, 40)}"` : 'no text';
  return `transport is ${shown}, not "${wanted}"`;
}
