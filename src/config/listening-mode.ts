import type { Config } from './schema.ts';

/** The mode of conversations: the user's, else the firmware's choice (B11), which depends on whether echo is cancelled. */
export function listeningModeOf(
  { conversation }: Pick<Config, 'conversation'>,
  echoIsCancelled: boolean,
): NonNullable<Config['conversation']['mode']> {
  return conversation.mode ?? (echoIsCancelled ? 'realtime' : 'auto');
}
