import { settleAnnouncement } from '../announcing.ts';
import { deviceSetup } from '../setup.ts';
import { beginConversation } from './beginning.ts';
import { tellMicrophoneLoss } from './session/parts.ts';
import { speakingUp } from './speaking-up.ts';

/** Idle without a channel. Mail waits for the quiet to settle. Nobody is in a conversation, so nothing listens by itself. */
export const standby = deviceSetup.createStateConfig({
  id: 'standby',
  entry: [settleAnnouncement, 'forgetSession', 'flushPlayback', 'forgetText', 'useManualMode'],
  initial: 'settling',
  always: { guard: 'microphoneIsLost', actions: tellMicrophoneLoss },
  on: {
    ...beginConversation,
    'speech.requested': [
      {
        guard: { type: 'wantsToListenAfter', params: ({ event }) => ({ listenAfter: event.listenAfter }) },
        target: '#opening.toBeSpokenTo',
        actions: 'useDefaultMode',
      },
      { target: '#opening.toBeSpokenTo' },
    ],
  },
  states: speakingUp('#opening.toAnnounce', '#announcingLocally'),
});
