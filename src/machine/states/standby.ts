import { deviceSetup } from '../setup.ts';
import { beginConversation } from './beginning.ts';
import { speakingUp } from './speaking-up.ts';

/** Idle without a channel. Mail waits for the quiet to settle. */
export const standby = deviceSetup.createStateConfig({
  id: 'standby',
  tags: ['idle', 'wake-word'],
  entry: ['forgetSession', 'flushPlayback', 'forgetText'],
  initial: 'settling',
  on: {
    ...beginConversation,
    'speech.requested': [
      {
        guard: { type: 'wantsToListenAfter', params: ({ event }) => ({ listenAfter: event.listenAfter }) },
        target: '#opening.toBeSpokenTo',
        actions: 'useDefaultMode',
      },
      { target: '#opening.toBeSpokenTo', actions: 'useManualMode' },
    ],
  },
  states: speakingUp('#opening.toAnnounce'),
});
