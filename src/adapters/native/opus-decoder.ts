import type { NativeAddon, OpusDecoder as NativeClass, NativeError } from '../../../native/index.js';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { ConcealingDecoder } from '../../ports/concealing-decoder.ts';

const SAMPLE_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000] as const;
type OpusRate = (typeof SAMPLE_RATES_HZ)[number];

/** The system's libopus, with what the one of @discordjs/opus does not offer: concealment and error correction. */
export class NativeOpusDecoder implements ConcealingDecoder {
  readonly sampleRateHz: number;
  readonly #native: NativeClass;
  /** libopus makes up whole multiples of this, 2.5 ms … */
  readonly #unit: number;
  /** … and no more than this at once, 120 ms. */
  readonly #most: number;

  constructor(Native: NonNullable<NativeAddon['OpusDecoder']>, sampleRateHz: number) {
    if (!isOpusRate(sampleRateHz)) {
      throw new ClientError(
        ErrorCode.opusBadFrame,
        `Opus does not work at ${sampleRateHz} Hz; choose one of ${SAMPLE_RATES_HZ.join(', ')}.`,
      );
    }
    this.sampleRateHz = sampleRateHz;
    this.#unit = sampleRateHz / 400;
    this.#most = this.#unit * 48;
    this.#native = new Native({ sampleRateHz });
  }

  decode(packet: Uint8Array): Int16Array {
    return guarded(() => this.#native.decode(packet));
  }

  conceal(samples: number): Int16Array {
    const pcm = new Int16Array(samples);
    for (let made = 0; made < samples; ) {
      const piece = this.#native.conceal(this.#wholeUnits(samples - made));
      pcm.set(piece.subarray(0, samples - made), made);
      made += piece.length;
    }
    return pcm;
  }

  recover(next: Uint8Array, samples: number): Int16Array {
    const recovered = this.#wholeUnits(samples);
    const pcm = this.conceal(Math.max(0, samples - recovered));
    const copy = guarded(() => this.#native.decodeFec(next, recovered));
    return Int16Array.of(...pcm, ...copy.subarray(Math.max(0, recovered - samples)));
  }

  good(): void {}

  reset(): void {
    this.#native.reset();
  }

  #wholeUnits(samples: number): number {
    return Math.min(this.#most, Math.max(1, Math.ceil(samples / this.#unit)) * this.#unit);
  }
}

function isOpusRate(sampleRateHz: number): sampleRateHz is OpusRate {
  return (SAMPLE_RATES_HZ as readonly number[]).includes(sampleRateHz);
}

function guarded(call: () => Int16Array): Int16Array {
  try {
    return call();
  } catch (error) {
    if ((error as NativeError).code !== 'NATIVE_BAD_PACKET') throw error;
    throw new ClientError(
      ErrorCode.opusBadPacket,
      `The server sent audio that is no Opus packet (${messageOf(error)}). If this goes on, check that it really sends Opus.`,
      { retryable: true, cause: error },
    );
  }
}
