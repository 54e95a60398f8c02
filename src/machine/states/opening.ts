import { failAnnouncement } from '../announcing.ts';
import { deviceSetup } from '../setup.ts';

const rememberSession = {
  type: 'rememberSession',
  params: ({ event }: { event: { sessionId: string } }) => ({ sessionId: event.sessionId }),
} as const;

/**
 * The channel is being opened; the substate says what for. The person may already speak: the microphone is open and what
 * it hears is kept for the moment the server listens. A second toggle hangs up (firmware B18).
 */
export const opening = deviceSetup.createStateConfig({
  id: 'opening',
  initial: 'toListen',
  on: {
    'talk.toggled': '#standby',
    'text.submitted': {
      target: '.toText',
      actions: { type: 'rememberText', params: ({ event }) => ({ text: event.text }) },
    },
  },
  states: {
    toListen: {
      tags: ['pre-roll', 'microphone'],
      on: {
        'channel.opened': { target: '#listening', actions: rememberSession },
        'talk.released': { guard: 'isManual', target: 'released' },
      },
    },
    /** The talk key was let go before the server was there: it still gets what was said (firmware B18). */
    released: {
      tags: ['pre-roll', 'microphone'],
      on: {
        'channel.opened': { target: '#listening.brief', actions: rememberSession },
        'talk.pressed': 'toListen',
      },
    },
    toWake: {
      tags: ['wake-roll', 'microphone'],
      on: {
        'channel.opened': {
          target: '#listening',
          actions: [
            rememberSession,
            { type: 'sendWake', params: ({ context }) => ({ phrase: context.wakePhrase }) },
          ],
        },
      },
    },
    toText: {
      on: { 'channel.opened': { target: '#thinking.toText', actions: rememberSession } },
    },
    /** The server asked to speak over the control link. */
    toBeSpokenTo: {
      on: { 'channel.opened': { target: '#idle', actions: [rememberSession, 'sendSpeakReady'] } },
    },
    toAnnounce: {
      entry: 'planAnnouncement',
      on: {
        'channel.failed': {
          target: '#standby',
          actions: [
            { type: 'reportError', params: ({ event }) => ({ error: event.error }) },
            ...failAnnouncement('no-channel'),
          ],
        },
        'channel.closed': { target: '#standby', actions: failAnnouncement('no-channel') },
        'channel.opened': [
          { guard: 'hasMail', target: '#announcing', actions: rememberSession },
          { target: '#idle', actions: rememberSession },
        ],
        'wake.detected': [
          {
            guard: 'uploadsWakeWord',
            target: 'toWake',
            actions: [
              'useDefaultMode',
              { type: 'rememberWakePhrase', params: ({ event }) => ({ phrase: event.phrase }) },
            ],
          },
          { target: 'toListen', actions: 'useDefaultMode' },
        ],
        'talk.toggled': { target: 'toListen', actions: 'useDefaultMode' },
        'talk.pressed': { target: 'toListen', actions: 'useManualMode' },
      },
    },
  },
});
