import type { SnapshotFrom } from 'xstate';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { emptyMailbox } from '../mcp/announcements/mailbox.ts';
import { deliveryNote, deviceSetup } from './setup.ts';
import { announcingLocally } from './states/announcing-locally.ts';
import { answer } from './states/answer.ts';
import { finishing } from './states/finishing.ts';
import { link } from './states/link.ts';
import { nearEnd } from './states/near-end.ts';
import { opening } from './states/opening.ts';
import { provisioning } from './states/provisioning.ts';
import { recovering } from './states/recovering.ts';
import { resumption } from './states/resumption.ts';
import { reportEnd } from './states/session/parts.ts';
import { session } from './states/session.ts';
import { standby } from './states/standby.ts';
import { toolList } from './states/tool-list.ts';

const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({
    error: event.error,
  }),
} as const;

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
    'microphone.failed': [
      // Nobody has to be heard for it: the answer is finished first.
      {
        guard: 'isAnswering',
        actions: { type: 'noteMicrophoneLoss', params: ({ event }) => ({ error: event.error }) },
      },
      { target: '#standby', actions: reportEnd },
    ],
    'hangup.requested': '#standby',
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
    nearEnd,
    answer,
    resumption,
    conversation: {
      initial: 'ready',
      states: {
        /** Text typed while the device was starting is asked first; who pressed the talk key meanwhile is heard. */
        ready: {
          always: [
            { guard: 'hasText', target: '#opening.toText', actions: 'forgetWish' },
            { guard: 'hasWish', target: '#opening.toListen', actions: 'useWishedMode' },
            { target: 'standby' },
          ],
        },
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
    listeningMode: 'manual',
    sessionId: undefined,
    text: undefined,
    wish: undefined,
    wakePhrase: '',
    provisioningFailures: 0,
    recoveryAttempts: 0,
    isRefreshed: false,
    linkFailures: 0,
    mailbox: emptyMailbox,
    announceAttempt: 0,
    announcement: undefined,
    microphoneLoss: undefined,
    textWays: input.textWays,
    knownTextWay: undefined,
    introduction: 'none',
    listedOverLink: false,
    openCalls: 0,
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
    'mode.chosen': { actions: { type: 'chooseMode', params: ({ event }) => ({ mode: event.mode }) } },
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
