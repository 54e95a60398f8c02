import type { ConcealingDecoder } from '../ports/concealing-decoder.ts';
import type { OpusCodec, OpusDecoder } from '../ports/opus-codec.ts';
import { type Concealer, createConcealer } from './concealment.ts';
import { samplesPerFrame } from './format.ts';
import { createResampler, type Resampler } from './resampler.ts';

/** Rates at which libopus decodes whatever the sender used; other loudspeakers get 48 kHz resampled. */
const OPUS_RATES_HZ: readonly number[] = [8_000, 12_000, 16_000, 24_000, 48_000];

export interface DecodingChainOptions {
  readonly codec: OpusCodec;
  /** A decoder that conceals by itself, better than we do; undefined where there is none. Must not throw. */
  readonly createConcealingDecoder?: ((sampleRateHz: number) => ConcealingDecoder | undefined) | undefined;
}

interface Decoding {
  readonly decoder: OpusDecoder;
  readonly concealer: Concealer;
  /** Sound before a packet, from the copy that the packet may hold. */
  readonly recover?: ConcealingDecoder['recover'];
}

/** From packets, and from packets that are missing, to mono PCM at a loudspeaker's rate. */
export class DecodingChain {
  readonly #options: DecodingChainOptions;
  readonly #decodeHz: number;
  readonly #resampler: Resampler;
  #decoding: Decoding;

  /** `isLossy`: packets come on a road that loses some of them. */
  constructor(options: DecodingChainOptions, sampleRateHz: number, isLossy: boolean) {
    this.#options = options;
    this.#decodeHz = OPUS_RATES_HZ.includes(sampleRateHz) ? sampleRateHz : 48_000;
    this.#resampler = createResampler(this.#decodeHz, sampleRateHz);
    this.#decoding = this.#createDecoding(isLossy);
  }

  /** Of what `decode` gives. */
  get sampleRateHz(): number {
    return this.#decodeHz;
  }

  /** They come on another road from now on. */
  setLossy(isLossy: boolean): void {
    this.#decoding = this.#createDecoding(isLossy);
  }

  /**
   * Sound of a packet, at the decoder's rate; to be heard by `accept`.
   * @throws ClientError OPUS_BAD_PACKET
   */
  decode(packet: Uint8Array): Int16Array {
    return this.#decoding.decoder.decode(packet);
  }

  /** What was decoded will be heard: returns it at the loudspeaker's rate. */
  accept(pcm: Int16Array): Int16Array {
    this.#decoding.concealer.good(pcm);
    return this.#resampler.push(pcm);
  }

  /** So much sound in place of what is missing, at the loudspeaker's rate. `next`: the packet behind it. */
  conceal(durationMs: number, next: Uint8Array | undefined): Int16Array {
    return this.#resampler.push(this.#madeUp(samplesPerFrame(this.#decodeHz, durationMs), next));
  }

  /** What comes does not go on from what came before. */
  begin(): void {
    this.#decoding.decoder.reset();
    this.#decoding.concealer.reset();
  }

  /** Nor is what was played last still to be heard. */
  flush(): void {
    this.begin();
    this.#resampler.reset();
  }

  #madeUp(samples: number, next: Uint8Array | undefined): Int16Array {
    const { concealer, recover } = this.#decoding;
    try {
      if (next && recover) return recover(next, samples);
    } catch {
      // Reported when it is decoded in its own place.
    }
    return concealer.conceal(samples);
  }

  /** Only where packets are lost is the other decoder worth the memory of its library. */
  #createDecoding(isLossy: boolean): Decoding {
    const concealing = isLossy ? this.#options.createConcealingDecoder?.(this.#decodeHz) : undefined;
    if (!concealing) {
      return {
        decoder: this.#options.codec.createDecoder(this.#decodeHz),
        concealer: createConcealer(this.#decodeHz),
      };
    }
    return {
      decoder: concealing,
      concealer: concealing,
      recover: (next, samples) => concealing.recover(next, samples),
    };
  }
}
