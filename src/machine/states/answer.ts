import { deviceSetup } from '../setup.ts';

/**
 * Whether the server knows that its answer was broken off. Until it says so, and for as long as that can take, what comes is
 * still of the old answer. Beside the conversation, which has gone on already.
 */
export const answer = deviceSetup.createStateConfig({
  id: 'answer',
  initial: 'current',
  states: {
    current: { on: { 'answer.aborted': 'aborted' } },
    aborted: {
      always: { guard: 'isSpeaking', target: 'current' },
      after: { abortEcho: 'current' },
      on: { 'tts.stopped': 'current', 'channel.opened': 'current' },
    },
  },
});
