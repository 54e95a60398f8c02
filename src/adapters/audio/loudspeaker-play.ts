import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { openingAdvice } from './opening-advice.ts';
import type { Pacer } from './pacer.ts';
import { openPlayer } from './player-stream.ts';
import { findPlayer, playerMissing } from './players.ts';
import type { SoundSurroundings } from './sound-hardware.ts';
import { createStreamLoudspeaker } from './stream-loudspeaker.ts';

export interface PlayLoudspeakerOptions {
  readonly pacer: Pacer;
  /** Name or part of the name of a device, or an ALSA address; undefined is the system's default. */
  readonly device?: string | undefined;
  readonly surroundings?: SoundSurroundings;
}

/** A loudspeaker fed by pacat or aplay: no native code in this process, and none in another Node. */
export function createPlayLoudspeaker(options: PlayLoudspeakerOptions): Loudspeaker {
  const { pacer, device, surroundings = { env: process.env } } = options;
  const name = device === undefined ? 'play' : `play:${device}`;
  const player = findPlayer(surroundings, device);
  const open = async (onLost: (reason: string) => void) => {
    // Devices and sound servers come and go.
    const now = findPlayer(surroundings, device);
    if (!now) throw playerMissing();
    const command = await now.command(device);
    try {
      return await openPlayer(command, pacer.clock, onLost);
    } catch (error) {
      throw new ClientError(
        ErrorCode.audioDeviceMissing,
        `The loudspeaker ${name} cannot be opened (${messageOf(error)}). ${openingAdvice(messageOf(error))}`,
        { cause: error },
      );
    }
  };
  return createStreamLoudspeaker({ name, pacer, latencyMs: player?.latencyMs ?? 0, open });
}
