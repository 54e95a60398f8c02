import type { ClientError } from '../../core/errors.ts';
import { deviceSetup } from '../setup.ts';

const rememberSession = {
  type: 'rememberSession',
  params: ({ event }: { event: { sessionId: string } }) => ({ sessionId: event.sessionId }),
} as const;

const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({
    error: event.error,
  }),
} as const;

const wakeInstead = [
  {
    guard: 'uploadsWakeWord',
    target: 'toWake',
    actions: [
      'useDefaultMode',
      {
        type: 'rememberWakePhrase',
        params: ({ event }: { event: { phrase: string } }) => ({ phrase: event.phrase }),
      },
    ],
  },
  { target: 'toListen', actions: 'useDefaultMode' },
] as const;

/**
 * The channel is being opened; the substate says what for. The person may already speak: the microphone is open and what
 * it hears is kept for the moment the server listens. A second toggle hangs up (firmware B18).
 */
export const opening = deviceSetup.createStateConfig({
  id: 'opening',
  entry: 'beginSession',
  initial: 'toListen',
  // The wish to be heard has grown old on the way.
  always: { guard: 'isGivenUp', target: '#standby', actions: 'reportNotResumed' },
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
        'talk.released': { guard: 'inManualMode', target: 'released' },
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
      on: { 'channel.opened': { target: '#thinking.introducing', actions: rememberSession } },
    },
    /** A conversation that was lost is taken up again; the person hears that it is. */
    toResume: {
      tags: ['wake-word'],
      on: {
        'channel.opened': { target: '#resuming', actions: rememberSession },
        'wake.detected': wakeInstead,
        'talk.pressed': { target: 'toListen', actions: 'useManualMode' },
      },
    },
    /** The server asked to speak over the control link. */
    toBeSpokenTo: {
      on: {
        'channel.opened': { target: '#idle', actions: [rememberSession, 'sendSpeakReady'] },
        'channel.failed': { target: '#standby', actions: reportError },
      },
    },
    toAnnounce: {
      tags: ['wake-word'],
      entry: 'planAnnouncement',
      on: {
        'channel.failed': { target: '#standby', actions: reportError },
        'channel.closed': '#standby',
        'channel.opened': { target: '#announcing', actions: rememberSession },
        'wake.detected': wakeInstead,
        'talk.toggled': { target: 'toListen', actions: 'useDefaultMode' },
        'talk.pressed': { target: 'toListen', actions: 'useManualMode' },
      },
    },
    /** What the channel was being opened for when that failed. */
    last: { type: 'history', target: 'toListen' },
  },
});
