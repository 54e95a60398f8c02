import { onHeard } from '../announcing.ts';
import { deviceSetup } from '../setup.ts';
import { beginConversation } from './beginning.ts';

/** The server hung up after its last words; they are still being heard, without a channel. */
export const finishing = deviceSetup.createStateConfig({
  id: 'finishing',
  tags: ['downlink', 'wake-word'],
  entry: 'finishPlayback',
  after: { drainTimeout: '#standby' },
  on: { ...beginConversation, 'playback.heard': onHeard, 'playback.drained': '#standby' },
});
