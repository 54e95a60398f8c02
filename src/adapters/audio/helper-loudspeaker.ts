import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { openingAdvice } from './opening-advice.ts';
import type { Pacer } from './pacer.ts';
import { type OpenSoundHelperOptions, openSoundHelper } from './sound-helper.ts';
import { createStreamLoudspeaker } from './stream-loudspeaker.ts';

export interface HelperLoudspeakerOptions {
  readonly name: string;
  readonly pacer: Pacer;
  readonly latencyMs: number;
  /** What to open; asked at every start, because devices come and go. */
  find(): Promise<Pick<OpenSoundHelperOptions, 'kind' | 'device' | 'sampleRateHz' | 'env'>>;
}

/** A loudspeaker in a helper process. */
export function createHelperLoudspeaker({
  name,
  pacer,
  latencyMs,
  find,
}: HelperLoudspeakerOptions): Loudspeaker {
  const open = async (onLost: (reason: string) => void) => {
    const found = await find();
    try {
      return await openSoundHelper({ ...found, clock: pacer.clock, onLost });
    } catch (error) {
      throw new ClientError(
        ErrorCode.audioDeviceMissing,
        `The loudspeaker ${name} cannot be opened (${messageOf(error)}). ${openingAdvice(messageOf(error))}`,
        { cause: error },
      );
    }
  };
  return createStreamLoudspeaker({ name, pacer, latencyMs, open });
}
