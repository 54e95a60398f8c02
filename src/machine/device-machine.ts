import type { SnapshotFrom } from 'xstate';
import type { ClientError } from '../core/errors.ts';
import { announced, failAnnouncement } from './announcing.ts';
import { deliveryNote, deviceSetup } from './setup.ts';
import { opening } from './states/opening.ts';
import { provisioning } from './states/provisioning.ts';
import { recovering } from './states/recovering.ts';
import { session } from './states/session.ts';
import { standby } from './states/standby.ts';

const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({
    error: event.error,
  }),
} as const;

/** A channel exists or is being opened; leaving this state closes it. */
const connected = deviceSetup.createStateConfig({
  id: 'connected',
  tags: ['session'],
  initial: 'opening',
  invoke: { src: 'channel', id: 'channel' },
  on: {
    'channel.closed': '#standby',
    'channel.failed': [
      {
        guard: { type: 'canRefresh', params: ({ event }) => ({ error: event.error }) },
        target: '#recovering.refreshing',
        actions: reportError,
      },
      {
        guard: { type: 'canRecover', params: ({ event }) => ({ error: event.error }) },
        target: '#recovering',
        actions: reportError,
      },
      { target: '#standby', actions: [reportError, 'forgetRecoveries'] },
    ],
    'microphone.failed': { target: '#standby', actions: reportError },
  },
  states: { opening, session },
});

/** The server does not speak of results, so the device does it alone: chime, screen, and a voice where there is one. */
const announcingLocally = deviceSetup.createStateConfig({
  id: 'announcingLocally',
  tags: ['downlink', 'wake-word'],
  entry: [
    'planAnnouncement',
    { type: 'playNotice', params: ({ context }) => ({ announcement: context.announcement }) },
  ],
  after: {
    localNotice: {
      target: '#standby',
      actions: failAnnouncement('no-reply'),
    },
  },
  on: {
    'playback.drained': { target: '#standby', actions: announced },
    'talk.toggled': { target: '#opening.toListen', actions: ['flushPlayback', 'useDefaultMode'] },
    'talk.pressed': { target: '#opening.toListen', actions: ['flushPlayback', 'useManualMode'] },
    'wake.detected': {
      target: '#opening.toWake',
      actions: [
        'flushPlayback',
        'useDefaultMode',
        { type: 'rememberWakePhrase', params: ({ event }) => ({ phrase: event.phrase }) },
      ],
    },
    'text.submitted': {
      target: '#opening.toText',
      actions: [
        'flushPlayback',
        'useManualMode',
        { type: 'rememberText', params: ({ event }) => ({ text: event.text }) },
      ],
    },
  },
});

/** The server hung up after its last words; they are still being heard, without a channel. */
const finishing = deviceSetup.createStateConfig({
  id: 'finishing',
  tags: ['downlink', 'wake-word'],
  entry: 'finishPlayback',
  after: { drainTimeout: '#standby' },
  on: {
    'playback.drained': '#standby',
    'talk.toggled': { target: '#opening.toListen', actions: ['flushPlayback', 'useDefaultMode'] },
    'talk.pressed': { target: '#opening.toListen', actions: ['flushPlayback', 'useManualMode'] },
    'wake.detected': {
      target: '#opening.toWake',
      actions: [
        'flushPlayback',
        'useDefaultMode',
        { type: 'rememberWakePhrase', params: ({ event }) => ({ phrase: event.phrase }) },
      ],
    },
    'text.submitted': {
      target: '#opening.toText',
      actions: [
        'flushPlayback',
        'useManualMode',
        { type: 'rememberText', params: ({ event }) => ({ text: event.text }) },
      ],
    },
  },
});

/** The server is known; conversations are possible. */
const online = deviceSetup.createStateConfig({
  id: 'online',
  initial: 'ready',
  states: {
    /** Text typed while the device was starting is asked first. */
    ready: { always: [{ guard: 'hasText', target: '#opening.toText' }, { target: 'standby' }] },
    standby,
    announcingLocally,
    connected,
    finishing,
    recovering,
  },
});

/**
 * The whole behaviour of the device: what it does when, without touching sound or network. The picture and the event
 * table are in README.md beside this file; rule numbers refer to the firmware's behaviour.
 */
export const deviceMachine = deviceSetup.createMachine({
  id: 'device',
  context: ({ input }) => ({
    settings: input,
    listeningMode: input.listeningMode === 'realtime' ? 'auto' : input.listeningMode,
    sessionId: undefined,
    text: undefined,
    wakePhrase: '',
    provisioningFailures: 0,
    recoveryAttempts: 0,
    mailbox: [],
    announceAttempt: 0,
    announcement: undefined,
  }),
  options: { maxIterations: 100 },
  initial: 'provisioning',
  on: {
    'tool.completed': {
      actions: [
        {
          type: 'noteMail',
          params: ({ context, event }) => deliveryNote(context, event.mail),
        },
        { type: 'deliverToMailbox', params: ({ event }) => ({ mail: event.mail }) },
      ],
    },
    'mail.withdrawn': {
      actions: { type: 'withdrawFromMailbox', params: ({ event }) => ({ taskIds: event.taskIds }) },
    },
    'reboot.requested': '.rebooting',
  },
  states: {
    provisioning,
    online,
    /** The server asked for a restart; whoever runs the device starts a new one (firmware B41). */
    rebooting: { after: { rebootPause: 'stopped' } },
    stopped: { type: 'final' },
  },
});

export type DeviceSnapshot = SnapshotFrom<typeof deviceMachine>;
