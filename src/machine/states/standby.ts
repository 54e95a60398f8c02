import { deviceSetup } from '../setup.ts';

/** Idle without a channel. Mail waits for the quiet to settle. */
export const standby = deviceSetup.createStateConfig({
  id: 'standby',
  tags: ['idle', 'wake-word'],
  entry: ['forgetSession', 'flushPlayback', 'forgetText'],
  initial: 'settling',
  on: {
    'talk.toggled': { target: '#opening.toListen', actions: 'useDefaultMode' },
    'talk.pressed': { target: '#opening.toListen', actions: 'useManualMode' },
    'wake.detected': {
      target: '#opening.toWake',
      actions: [
        'useDefaultMode',
        { type: 'rememberWakePhrase', params: ({ event }) => ({ phrase: event.phrase }) },
      ],
    },
    'text.submitted': {
      target: '#opening.toText',
      actions: ['useManualMode', { type: 'rememberText', params: ({ event }) => ({ text: event.text }) }],
    },
  },
  states: {
    settling: { after: { idleSettle: 'ready' } },
    ready: {
      always: [
        { guard: 'mustKeepQuiet', target: 'quiet' },
        { guard: 'announcesLocally', target: '#announcingLocally' },
        { guard: 'hasMail', target: '#opening.toAnnounce' },
      ],
    },
    /** Mail waits for the end of the quiet hours. */
    quiet: { after: { quietHours: 'ready' } },
  },
});
