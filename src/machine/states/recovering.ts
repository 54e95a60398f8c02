import { settleAnnouncement } from '../announcing.ts';
import { deviceSetup } from '../setup.ts';

/**
 * Something that a person waits for lost its channel through no wish of anybody: come back to it, later each time. A text is
 * asked again, what was being opened is opened again, and a conversation is taken up again as long as `resumption` allows it.
 */
export const recovering = deviceSetup.createStateConfig({
  id: 'recovering',
  entry: [settleAnnouncement, 'forgetSession', 'flushPlayback', 'countRecovery'],
  initial: 'waiting',
  always: { guard: 'isGivenUp', target: '#standby', actions: 'reportNotResumed' },
  on: {
    'talk.toggled': '#standby',
    'hangup.requested': '#standby',
    'talk.released': { guard: 'inManualMode', target: '#standby' },
    'talk.pressed': { target: '#opening.toListen', actions: 'useManualMode' },
    'wake.detected': [
      {
        guard: 'uploadsWakeWord',
        target: '#opening.toWake',
        actions: [
          'useDefaultMode',
          { type: 'rememberWakePhrase', params: ({ event }) => ({ phrase: event.phrase }) },
        ],
      },
      { target: '#opening.toListen', actions: 'useDefaultMode' },
    ],
    'text.submitted': {
      target: '#opening.toText',
      actions: { type: 'rememberText', params: ({ event }) => ({ text: event.text }) },
    },
  },
  states: {
    waiting: { after: { recoveryDelay: 'reopening' }, on: { 'network.changed': 'reopening' } },
    /** Refused: our credentials may be old, so ask the OTA server before the next try. */
    refreshing: { entry: 'noteRefreshed', invoke: { src: 'checkProvisioning', onDone: 'reopening' } },
    reopening: {
      always: [
        { guard: 'hasText', target: '#opening.toText' },
        { guard: 'isResumable', target: '#opening.toResume' },
        { target: '#opening.last' },
      ],
    },
  },
});
