import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { OpusCodec } from '../../ports/opus-codec.ts';
import type { OpusEngine } from '../../ports/opus-engine.ts';
import { guardedCodec } from './opus-guards.ts';

/** One binding that may be there. */
export interface OpusCandidate {
  readonly name: string;
  /** @throws Error whose message completes "`name` cannot be used: " */
  readonly load: () => OpusEngine | Promise<OpusEngine>;
}

export interface ChosenOpus {
  readonly codec: OpusCodec;
  /** For people: which binding it is. */
  readonly binding: string;
  /** What would have been better, and why it was not taken: `@discordjs/opus: it is not installed`. */
  readonly passedOver: readonly string[];
}

/**
 * The first binding that loads. Those behind it are not looked at.
 * @throws ClientError OPUS_UNAVAILABLE when there is none
 */
export async function chooseOpus(candidates: readonly OpusCandidate[]): Promise<ChosenOpus> {
  const passedOver: string[] = [];
  for (const { name, load } of candidates) {
    try {
      const engine = await load();
      return { codec: guardedCodec(engine), binding: engine.name, passedOver };
    } catch (error) {
      passedOver.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new ClientError(
    ErrorCode.opusUnavailable,
    `There is no Opus codec (${passedOver.join('; ')}). Remove node_modules and run "npm start" again.`,
  );
}
