import type { OpusCodec, OpusEncoder } from '../ports/opus-codec.ts';
import type { RecordingFile } from '../ports/recording-files.ts';
import { Framer } from './framer.ts';
import { MAX_PAGE_SEGMENTS, oggPage, segmentsOf } from './ogg-page.ts';
import type { RecordingContainer } from './recording-container.ts';
import { createResampler, type Resampler } from './resampler.ts';

const OPUS_RATES_HZ = [8_000, 12_000, 16_000, 24_000, 48_000];
/** Positions count at this rate, whatever the sound had (RFC 7845, 4). */
const GRANULE_RATE_HZ = 48_000;
const FRAME_MS = 20;
const FRAMES_PER_PAGE = 1000 / FRAME_MS;
const FRAME_GRANULE = (GRANULE_RATE_HZ * FRAME_MS) / 1000;
/** What libopus puts before the first sample when it encodes for sound of any kind: 6.5 ms. */
const PRE_SKIP = 312;
const BITRATE_BPS = 32_000;
const COMPLEXITY = 5;

/** Ogg Opus (RFC 7845), mono, one page a second. A file without its last page plays up to there. */
export class OggOpusContainer implements RecordingContainer {
  readonly #file: Pick<RecordingFile, 'append'>;
  readonly #encoder: OpusEncoder;
  readonly #resampler: Resampler;
  readonly #framer: Framer;
  readonly #serial = Math.floor(Math.random() * 2 ** 32);
  /** Of the page that is being filled. */
  #packets: Uint8Array[] = [];
  #segments = 0;
  #sequence = 0;
  #frames = 0;
  /** Samples that were given to the encoder, at its rate. */
  #samples = 0;

  constructor(file: Pick<RecordingFile, 'append'>, sampleRateHz: number, codec: OpusCodec) {
    const rateHz = OPUS_RATES_HZ.includes(sampleRateHz) ? sampleRateHz : GRANULE_RATE_HZ;
    this.#file = file;
    this.#encoder = codec.createEncoder({
      sampleRateHz: rateHz,
      frameDurationMs: FRAME_MS,
      complexity: COMPLEXITY,
      bitrateBps: BITRATE_BPS,
      variableBitrate: true,
      discontinuousTransmission: false,
    });
    this.#resampler = createResampler(sampleRateHz, rateHz);
    this.#framer = new Framer(this.#encoder.samplesPerFrame, (frame) => this.#encode(frame));
    this.#page('first', 0, [opusHead(sampleRateHz)]);
    this.#page('middle', 0, [opusTags()]);
  }

  write(pcm: Int16Array): void {
    const sound = this.#resampler.push(pcm);
    this.#samples += sound.length;
    this.#framer.push(sound);
  }

  finish(): void {
    const end = this.#granuleOf(this.#samples) + PRE_SKIP;
    const silence = new Int16Array(this.#encoder.samplesPerFrame);
    // The last sample leaves the encoder with the pre-skip's delay.
    const missing = Math.max(1, Math.ceil(end / FRAME_GRANULE)) - this.#frames;
    const partial = this.#samples % silence.length;
    if (partial > 0) this.#framer.push(silence.subarray(partial));
    for (let i = partial > 0 ? 1 : 0; i < missing; i++) this.#framer.push(silence);
    // A last page may end before its last packet does, and what is behind is not played.
    this.#page('last', end, this.#packets);
  }

  #granuleOf(samples: number): number {
    return Math.round((samples * GRANULE_RATE_HZ) / this.#encoder.sampleRateHz);
  }

  #encode(frame: Int16Array): void {
    // Native memory may be used again by the next call.
    const packet = Uint8Array.from(this.#encoder.encode(frame));
    const segments = segmentsOf(packet);
    // The newest packet is kept back, so that the last page never is an empty one.
    if (this.#packets.length >= FRAMES_PER_PAGE || this.#segments + segments > MAX_PAGE_SEGMENTS) {
      this.#page('middle', this.#frames * FRAME_GRANULE, this.#packets);
      this.#packets = [];
      this.#segments = 0;
    }
    this.#packets.push(packet);
    this.#segments += segments;
    this.#frames += 1;
  }

  #page(position: 'first' | 'middle' | 'last', granule: number, packets: readonly Uint8Array[]): void {
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.#file.append(oggPage({ position, granule, serial: this.#serial, sequence, packets }));
  }
}

function opusHead(inputRateHz: number): Uint8Array {
  const head = new Uint8Array(19);
  const view = new DataView(head.buffer);
  head.set(new TextEncoder().encode('OpusHead'));
  head[8] = 1;
  head[9] = 1;
  view.setUint16(10, PRE_SKIP, true);
  view.setUint32(12, inputRateHz, true);
  return head;
}

function opusTags(): Uint8Array {
  const vendor = new TextEncoder().encode('xiaozhi-speaker');
  const tags = new Uint8Array(8 + 4 + vendor.length + 4);
  tags.set(new TextEncoder().encode('OpusTags'));
  new DataView(tags.buffer).setUint32(8, vendor.length, true);
  tags.set(vendor, 12);
  return tags;
}
