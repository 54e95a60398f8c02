import { deviceSetup } from '../setup.ts';

/** Whether a voice is heard right now. Beside the conversation, because a voice may go on through a change of it. */
export const nearEnd = deviceSetup.createStateConfig({
  id: 'nearEnd',
  initial: 'still',
  states: {
    still: { on: { 'speech.started': 'voice' } },
    voice: { on: { 'speech.ended': 'still' } },
  },
});
