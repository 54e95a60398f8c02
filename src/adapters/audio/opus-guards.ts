import { samplesPerFrame } from '../../audio/format.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { OpusCodec, OpusDecoder, OpusEncoder, OpusEncoderSettings } from '../../ports/opus-codec.ts';
import type { OpusEngine, OpusEngineDecoder, OpusEngineEncoder } from '../../ports/opus-engine.ts';
import { parseOpusPacket } from '../../protocol/opus-packet.ts';

const SAMPLE_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000];
const FRAME_DURATIONS_MS = [2.5, 5, 10, 20, 40, 60, 80, 100, 120];
/** 120 ms as 48 frames of the largest size with their length bytes, and padding as long again. */
export const MAX_PACKET_BYTES = 2 * 48 * 1277;

/**
 * A binding of libopus as a codec. Bindings end the process, uncatchably, when asked to encode anything but a legal frame,
 * and turn an empty packet into 240 ms of guesswork; the guards here are what keeps the device alive with each of them.
 */
export function guardedCodec(engine: OpusEngine): OpusCodec {
  return {
    createEncoder: (settings) => new GuardedEncoder(engine, settings),
    createDecoder: (sampleRateHz) => new GuardedDecoder(engine, sampleRateHz),
    packetDurationMs: (packet) => {
      const info = parseOpusPacket(packet);
      return info.ok ? info.durationMs : 0;
    },
  };
}

class GuardedEncoder implements OpusEncoder {
  readonly sampleRateHz: number;
  readonly samplesPerFrame: number;
  readonly #encoder: OpusEngineEncoder;

  constructor(engine: OpusEngine, settings: OpusEncoderSettings) {
    requireSampleRate(settings.sampleRateHz);
    if (!FRAME_DURATIONS_MS.includes(settings.frameDurationMs)) {
      throw new ClientError(
        ErrorCode.opusBadFrame,
        `Opus has no frames of ${settings.frameDurationMs} ms; choose one of ${FRAME_DURATIONS_MS.join(', ')}.`,
      );
    }
    this.sampleRateHz = settings.sampleRateHz;
    this.samplesPerFrame = samplesPerFrame(settings.sampleRateHz, settings.frameDurationMs);
    this.#encoder = engine.createEncoder(settings);
  }

  encode(pcm: Int16Array): Uint8Array {
    if (pcm.length !== this.samplesPerFrame) {
      throw new ClientError(
        ErrorCode.opusBadFrame,
        `An Opus frame of ${this.samplesPerFrame} samples was expected, ${pcm.length} came; this is a fault in the program.`,
      );
    }
    return this.#encoder.encode(pcm);
  }

  reset(): void {
    this.#encoder.reset();
  }
}

class GuardedDecoder implements OpusDecoder {
  readonly sampleRateHz: number;
  readonly #decoder: OpusEngineDecoder;

  constructor(engine: OpusEngine, sampleRateHz: number) {
    requireSampleRate(sampleRateHz);
    this.sampleRateHz = sampleRateHz;
    this.#decoder = engine.createDecoder(sampleRateHz);
  }

  decode(packet: Uint8Array): Int16Array {
    if (packet.length > MAX_PACKET_BYTES) throw badPacket(`${packet.length} bytes are too many`);
    const info = parseOpusPacket(packet);
    if (!info.ok) throw badPacket(info.reason);
    const pcm = this.#decodeOrReset(packet);
    if (pcm.length !== samplesPerFrame(this.sampleRateHz, info.durationMs)) {
      this.reset();
      throw badPacket(`${pcm.length} samples came out where ${info.durationMs} ms were promised`);
    }
    return pcm;
  }

  reset(): void {
    this.#decoder.reset();
  }

  #decodeOrReset(packet: Uint8Array): Int16Array {
    try {
      return this.#decoder.decode(packet);
    } catch (error) {
      // What a failed decode leaves behind is not documented.
      this.reset();
      throw badPacket(messageOf(error), error);
    }
  }
}

function requireSampleRate(sampleRateHz: number): void {
  if (SAMPLE_RATES_HZ.includes(sampleRateHz)) return;
  throw new ClientError(
    ErrorCode.opusBadFrame,
    `Opus does not work at ${sampleRateHz} Hz; choose one of ${SAMPLE_RATES_HZ.join(', ')}.`,
  );
}

function badPacket(reason: string, cause?: unknown): ClientError {
  return new ClientError(
    ErrorCode.opusBadPacket,
    `The server sent audio that is no Opus packet (${reason}). If this goes on, check that it really sends Opus.`,
    { retryable: true, cause },
  );
}
