import { ClientError } from '../../../core/errors.ts';
import { learnTextWay } from '../../announcing.ts';
import type { DeviceContext } from '../../context.ts';
import { textWayOf } from '../../setup.ts';

/** The server is told, and what it still says of the old answer is known for what it is. */
export const abortForWake = [
  { type: 'sendAbort', params: { reason: 'wake-word' } },
  'expectOldAnswer',
] as const;
export const abortForUser = [{ type: 'sendAbort', params: { reason: 'user' } }, 'expectOldAnswer'] as const;

export const rememberText = {
  type: 'rememberText',
  params: ({ event }: { event: { text: string } }) => ({ text: event.text }),
} as const;

export const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({ error: event.error }),
} as const;

/** The end of an attempt takes with it what was typed: the person is told so. */
export const reportEnd = {
  type: 'reportError',
  params: ({ context, event }: { context: DeviceContext; event: { error: ClientError } }) => ({
    error: context.text === undefined ? event.error : withLostText(event.error),
  }),
} as const;

const withLostText = ({ code, message, retryable, cause }: ClientError): ClientError =>
  new ClientError(code, `${message} What you typed was not answered; type it again.`, { retryable, cause });

/** A session that ends by a fault is come back to where somebody waits for something, else the person is told. */
export const conversationLost = [
  {
    guard: {
      type: 'mayRefresh',
      params: ({ event }: { event: { error: ClientError } }) => ({ error: event.error }),
    },
    target: '#recovering.refreshing',
    actions: reportError,
  },
  {
    guard: {
      type: 'mayComeBack',
      params: ({ event }: { event: { error: ClientError } }) => ({ error: event.error }),
    },
    target: '#recovering',
    actions: reportError,
  },
  { target: '#standby', actions: [reportEnd, 'forgetRecoveries'] },
] as const;

/** The text as the server takes it, by the way that is tried now. */
export const sendText = {
  type: 'sendText',
  params: ({ context }: { context: DeviceContext }) => ({
    text: context.text ?? '',
    way: textWayOf(context),
  }),
} as const;

export const sendAnnouncement = {
  type: 'sendAnnouncement',
  params: ({ context }: { context: DeviceContext }) => ({
    announcement: context.announcement,
    way: textWayOf(context),
  }),
} as const;

/** A sign of the server that it has taken a text: from now on texts go this way. */
export function learning<Target extends string, More extends 'countCall'>(target: Target, ...more: More[]) {
  return [
    { guard: 'isSureOfTextWay', target, actions: [...more, learnTextWay] },
    { target, actions: [...more, 'forgetTextWay'] },
  ] as const;
}

/** What follows when the person does not want to hear the rest: in a conversation they are listened to. */
const silenced = [...abortForUser, 'flushPlayback', 'forgetText'] as const;
export const afterInterruption = [
  { guard: 'inConversation', target: '#listening', actions: silenced },
  { target: '#idle', actions: silenced },
] as const;

/** The same where the server has no part in it. */
export const afterOwnInterruption = [
  { guard: 'inConversation', target: '#listening', actions: 'flushPlayback' },
  { target: '#idle', actions: 'flushPlayback' },
] as const;

/** Where an announcement leads when it is over, or was none. */
export const afterAnnouncement = [
  { guard: 'inConversation', target: '#listening' },
  { target: '#idle' },
] as const;

/** The answer is over: now the loss of the microphone is told. */
export const tellMicrophoneLoss = [
  {
    type: 'reportMicrophoneLoss',
    params: ({ context }: { context: DeviceContext }) => ({ error: context.microphoneLoss }),
  },
  'forgetMicrophoneLoss',
] as const;
