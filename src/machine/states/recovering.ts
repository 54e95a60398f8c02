import { deviceSetup } from '../setup.ts';

/** The conversation lost its channel through no wish of anybody: come back to it, later each time. */
export const recovering = deviceSetup.createStateConfig({
  id: 'recovering',
  entry: ['forgetSession', 'flushPlayback', 'countRecovery'],
  initial: 'waiting',
  on: {
    'talk.toggled': '#standby',
    'talk.released': '#standby',
    'wake.detected': [
      {
        guard: 'uploadsWakeWord',
        target: '#opening.toWake',
        actions: { type: 'rememberWakePhrase', params: ({ event }) => ({ phrase: event.phrase }) },
      },
      { target: '#opening.toListen' },
    ],
    'text.submitted': {
      target: '#opening.toText',
      actions: { type: 'rememberText', params: ({ event }) => ({ text: event.text }) },
    },
  },
  states: {
    waiting: { after: { recoveryDelay: 'reopening' } },
    /** Refused: our credentials may be old, so ask the OTA server before the next try. */
    refreshing: { invoke: { src: 'checkProvisioning', onDone: 'reopening' } },
    reopening: {
      always: [{ guard: 'hasText', target: '#opening.toText' }, { target: '#opening.toListen' }],
    },
  },
});
