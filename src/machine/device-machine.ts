import type { SnapshotFrom } from 'xstate';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { emptyMailbox } from '../mcp/announcements/mailbox.ts';
import type { DeviceContext } from './context.ts';
import { deliveryNote, deviceSetup } from './setup.ts';
import { announcingLocally } from './states/announcing-locally.ts';
import { finishing } from './states/finishing.ts';
import { link } from './states/link.ts';
import { opening } from './states/opening.ts';
import { provisioning } from './states/provisioning.ts';
import { recovering } from './states/recovering.ts';
import { session } from './states/session.ts';
import { standby } from './states/standby.ts';
import { toolList } from './states/tool-list.ts';

const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({
    error: event.error,
  }),
} as const;

/** The end of an attempt takes with it what was typed: the person is told so. */
const reportEnd = {
  type: 'reportError',
  params: ({ context, event }: { context: DeviceContext; event: { error: ClientError } }) => ({
    error: context.text === undefined ? event.error : withLostText(event.error),
  }),
} as const;

const withLostText = ({ code, message, retryable, cause }: ClientError): ClientError =>
  new ClientError(code, `${message} What you typed was not answered; type it again.`, { retryable, cause });

const reportLostText = {
  type: 'reportError',
  params: {
    error: new ClientError(
      ErrorCode.textUnanswered,
      'The device starts anew before what you typed was answered; type it again.',
      { retryable: true },
    ),
  },
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
      { target: '#standby', actions: [reportEnd, 'forgetRecoveries'] },
    ],
    'microphone.failed': { target: '#standby', actions: reportEnd },
  },
  states: { opening, session },
});

/** The server is known; conversations are possible. */
const online = deviceSetup.createStateConfig({
  id: 'online',
  type: 'parallel',
  states: {
    link,
    toolList,
    conversation: {
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
    },
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
    linkFailures: 0,
    mailbox: emptyMailbox,
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
    'reboot.requested': [
      { guard: 'hasText', target: '.rebooting', actions: [reportLostText, 'forgetText'] },
      { target: '.rebooting' },
    ],
    // Nobody talks: the runtime tries again by itself.
    'microphone.failed': { actions: reportError },
  },
  states: {
    provisioning,
    online,
    /** The server asked for a restart; whoever runs the device starts a new one (firmware B41). */
    rebooting: {
      after: { rebootPause: 'stopped' },
      on: { 'text.submitted': { actions: reportLostText } },
    },
    stopped: { type: 'final' },
  },
});

export type DeviceSnapshot = SnapshotFrom<typeof deviceMachine>;
