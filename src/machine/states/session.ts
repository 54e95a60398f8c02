import { deviceSetup } from '../setup.ts';
import { announcing } from './session/announcing.ts';
import { announcingHere } from './session/announcing-here.ts';
import { idle } from './session/idle.ts';
import { listening } from './session/listening.ts';
import { conversationLost } from './session/parts.ts';
import { resuming } from './session/resuming.ts';
import { speaking } from './session/speaking.ts';
import { thinking } from './session/thinking.ts';

/** A channel is open. Having lasted a while, it clears the count of recoveries. */
export const session = deviceSetup.createStateConfig({
  id: 'session',
  initial: 'idle',
  after: {
    healthyPeriod: { actions: 'forgetRecoveries' },
    // Whoever wants our tools has asked for them by now; whoever does has read them, or takes too long.
    introduction: { guard: 'toolsAreUnasked', actions: 'endIntroduction' },
    listing: { actions: 'endIntroduction' },
  },
  on: {
    'speech.requested': { actions: 'sendSpeakReady' },
    'channel.failed': conversationLost,
    'tools.introduced': { actions: 'noteIntroduction' },
    'tools.listed': { actions: 'endIntroduction' },
    'call.started': { actions: 'countCall' },
    'call.ended': { actions: 'uncountCall' },
  },
  states: { idle, announcing, announcingHere, listening, thinking, speaking, resuming },
});
