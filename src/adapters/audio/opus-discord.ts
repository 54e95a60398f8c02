import { samplesPerFrame } from '../../audio/format.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { OpusCodec, OpusDecoder, OpusEncoder, OpusEncoderSettings } from '../../ports/opus-codec.ts';
import { parseOpusPacket } from '../../protocol/opus-packet.ts';

/** The part of @discordjs/opus that is used. One object holds an encoder and a decoder, each made when first needed. */
interface NativeOpus {
  encode(pcm: Buffer): Buffer;
  decode(packet: Buffer): Buffer;
  applyEncoderCTL(request: number, value: number): void;
  applyDecoderCTL(request: number, value: number): void;
}

type NativeOpusClass = new (sampleRateHz: number, channels: number) => NativeOpus;

/** Request numbers of opus_defines.h. */
const Request = {
  setBitrate: 4002,
  setVbr: 4006,
  setComplexity: 4010,
  setDtx: 4016,
  resetState: 4028,
} as const;

const SAMPLE_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000];
const FRAME_DURATIONS_MS = [2.5, 5, 10, 20, 40, 60, 80, 100, 120];
/** 120 ms as 48 frames of the largest size with their length bytes, and padding as long again. */
const MAX_PACKET_BYTES = 2 * 48 * 1277;

/**
 * libopus by way of @discordjs/opus. The package ends the process, uncatchably, when asked to encode anything but a legal
 * frame, and turns an empty packet into 240 ms of guesswork; the guards here are what keeps the device alive.
 * @throws ClientError OPUS_UNAVAILABLE when the package is not installed or its binary does not load.
 */
export async function loadOpusCodec(
  load: () => Promise<{ readonly OpusEncoder: NativeOpusClass }> = importPackage,
): Promise<OpusCodec> {
  const { OpusEncoder: Native } = await load().catch((error: unknown) => {
    throw new ClientError(
      ErrorCode.opusUnavailable,
      `The Opus codec does not load (${messageOf(error).split('\n')[0]}). Run "npm rebuild @discordjs/opus"; where no ready-made binary exists it needs a C++ compiler (Debian: apt install build-essential python3).`,
      { cause: error },
    );
  });
  return {
    createEncoder: (settings) => new DiscordOpusEncoder(Native, settings),
    createDecoder: (sampleRateHz) => new DiscordOpusDecoder(Native, sampleRateHz),
    packetDurationMs: (packet) => {
      const info = parseOpusPacket(packet);
      return info.ok ? info.durationMs : 0;
    },
  };
}

/** A CommonJS package: Node finds its exports only in `default`, bundlers and test runners also by name. */
async function importPackage(): Promise<{ readonly OpusEncoder: NativeOpusClass }> {
  const module = await import('@discordjs/opus');
  return module.default ?? module;
}

class DiscordOpusEncoder implements OpusEncoder {
  readonly sampleRateHz: number;
  readonly samplesPerFrame: number;
  readonly #native: NativeOpus;

  constructor(Native: NativeOpusClass, settings: OpusEncoderSettings) {
    requireSampleRate(settings.sampleRateHz);
    if (!FRAME_DURATIONS_MS.includes(settings.frameDurationMs)) {
      throw new ClientError(
        ErrorCode.opusBadFrame,
        `Opus has no frames of ${settings.frameDurationMs} ms; choose one of ${FRAME_DURATIONS_MS.join(', ')}.`,
      );
    }
    this.sampleRateHz = settings.sampleRateHz;
    this.samplesPerFrame = samplesPerFrame(settings.sampleRateHz, settings.frameDurationMs);
    this.#native = new Native(settings.sampleRateHz, 1);
    this.#native.applyEncoderCTL(Request.setComplexity, settings.complexity);
    this.#native.applyEncoderCTL(Request.setVbr, settings.variableBitrate ? 1 : 0);
    this.#native.applyEncoderCTL(Request.setDtx, settings.discontinuousTransmission ? 1 : 0);
    if (settings.bitrateBps !== undefined)
      this.#native.applyEncoderCTL(Request.setBitrate, settings.bitrateBps);
  }

  encode(pcm: Int16Array): Uint8Array {
    if (pcm.length !== this.samplesPerFrame) {
      throw new ClientError(
        ErrorCode.opusBadFrame,
        `An Opus frame of ${this.samplesPerFrame} samples was expected, ${pcm.length} came; this is a fault in the program.`,
      );
    }
    return this.#native.encode(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
  }

  reset(): void {
    this.#native.applyEncoderCTL(Request.resetState, 0);
  }
}

class DiscordOpusDecoder implements OpusDecoder {
  readonly sampleRateHz: number;
  readonly #native: NativeOpus;

  constructor(Native: NativeOpusClass, sampleRateHz: number) {
    requireSampleRate(sampleRateHz);
    this.sampleRateHz = sampleRateHz;
    this.#native = new Native(sampleRateHz, 1);
  }

  decode(packet: Uint8Array): Int16Array {
    if (packet.length > MAX_PACKET_BYTES) throw badPacket(`${packet.length} bytes are too many`);
    const info = parseOpusPacket(packet);
    if (!info.ok) throw badPacket(info.reason);
    const pcm = this.#decodeNative(packet);
    if (pcm.length !== samplesPerFrame(this.sampleRateHz, info.durationMs)) {
      this.reset();
      throw badPacket(`${pcm.length} samples came out where ${info.durationMs} ms were promised`);
    }
    return pcm;
  }

  reset(): void {
    this.#native.applyDecoderCTL(Request.resetState, 0);
  }

  #decodeNative(packet: Uint8Array): Int16Array {
    try {
      const bytes = this.#native.decode(asBuffer(packet));
      return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    } catch (error) {
      // What a failed decode leaves behind is not documented.
      this.reset();
      throw badPacket(messageOf(error), error);
    }
  }
}

/** Sockets deliver Buffers already. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
