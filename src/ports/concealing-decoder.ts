import type { OpusDecoder } from './opus-codec.ts';

/**
 * An Opus decoder that knows from its own state how the sound would have gone on, and joins both sides without a click.
 * It can stand where a `Concealer` is asked for.
 */
export interface ConcealingDecoder extends OpusDecoder {
  /** `samples` of made-up PCM in place of a packet that never came; they fade. The caller owns the array. */
  conceal(samples: number): Int16Array;
  /**
   * The last `samples` before the packet `next`, from the copy that the sender may have put into it (forward error
   * correction, RFC 6716 section 2.1.7); made up where there is none. `next` itself is decoded afterwards.
   * @throws ClientError OPUS_BAD_PACKET
   */
  recover(next: Uint8Array, samples: number): Int16Array;
  /** Nothing to do: the decoder has made the real sound itself. */
  good(pcm: Int16Array): void;
}
