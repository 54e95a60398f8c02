import { assign, type CallbackLogicFunction, fromCallback, fromPromise, or, setup, stateIn } from 'xstate';
import { backoffDelayMs } from '../core/backoff.ts';
import { type ClientError, ErrorCode } from '../core/errors.ts';
import type { TaskMail } from '../mcp/announcements/mail.ts';
import { deliver, waits, withdraw } from '../mcp/announcements/mailbox.ts';
import {
  type AnnouncementFailure,
  type AnnouncementPlan,
  announcementDelayMs,
  nextAttempt,
  planAnnouncement,
} from '../mcp/announcements/plan.ts';
import type { Announcement, DeviceContext, DeviceSettings, DeviceTag } from './context.ts';
import type {
  ChannelEvent,
  DeviceEvent,
  LinkEvent,
  ListeningMode,
  ProvisioningResult,
  ServerEvent,
} from './events.ts';

export type LinkLogic = CallbackLogicFunction<{ type: 'unused' }, LinkEvent | ServerEvent>;
export type ChannelLogic = CallbackLogicFunction<{ type: 'unused' }, ChannelEvent | ServerEvent>;

/** Failed OTA checks in a row before the device stops asking by itself (firmware A30). */
const maxProvisioningFailures = 10;
const firstProvisioningRetryMs = 10_000;
const maxProvisioningRetryMs = 2_560_000;
const recoveryJitterShare = 0.2;

/** Nobody talks, and has not for a moment. */
const isSettled = or(
  (['ready', 'quiet'] as const).flatMap((settled) => [
    stateIn({ online: { conversation: { standby: settled } } }),
    stateIn({ online: { conversation: { connected: { session: { idle: settled } } } } }),
  ]),
);

const notProvided = (name: string) => (): never => {
  throw new Error(`actor "${name}" was not provided`);
};

/** Names of everything the machine can do. Effects are empty here: the runtime provides them, the model only names them. */
export const deviceSetup = setup({
  types: {
    context: {} as DeviceContext,
    events: {} as DeviceEvent,
    input: {} as DeviceSettings,
    tags: {} as DeviceTag,
  },
  actors: {
    /** Owns the audio channel for as long as the machine stays in `connected`. */
    channel: fromCallback(notProvided('channel') as ChannelLogic),
    /** Owns the control link, where the road has one, for as long as the machine stays attached. */
    link: fromCallback(notProvided('link') as LinkLogic),
    /** Asks the OTA server once. Never rejects. */
    checkProvisioning: fromPromise<ProvisioningResult>(notProvided('checkProvisioning')),
    /** Polls the activation until it is worth asking the OTA server again (firmware A42). Never rejects. */
    activate: fromPromise<void>(notProvided('activate')),
  },
  actions: {
    sendListenStart: (_, _params: { mode: ListeningMode }) => {},
    sendListenStop: () => {},
    /** What was heard before and with the wake word, then the word itself (firmware B24). */
    sendWake: (_, _params: { phrase: string }) => {},
    sendAbort: (_, _params: { reason: 'wake-word' | 'user' }) => {},
    /** Answers a server that wants to speak: now it may. */
    sendSpeakReady: () => {},
    sendText: (_, _params: { text: string }) => {},
    sendAnnouncement: (_, _params: { announcement: Announcement | undefined }) => {},
    /** Chime and voice through the loudspeaker, text on the screen; `playback.drained` follows. */
    playNotice: (_, _params: { announcement: Announcement | undefined }) => {},
    noteMail: (_, _params: DeliveryNote) => {},
    noteAnnouncement: (
      _,
      _params: { phase: 'spoken' | 'failed'; announcement: Announcement | undefined },
    ) => {},
    beginPlayback: () => {},
    /** No more audio is expected; `playback.drained` follows when the last sample has been heard. */
    finishPlayback: () => {},
    flushPlayback: () => {},
    /** Softer while the person speaks, until `unduckPlayback` or the next answer. */
    duckPlayback: () => {},
    unduckPlayback: () => {},
    showActivation: (_, _params: { code: string; message: string }) => {},
    /** Has any server read a list of tools that is not the one of now? Answered by `tools.read` or `tools.unread`. */
    compareToolLists: () => {},
    reportError: (_, _params: { error: ClientError }) => {},
    reportNoReply: () => {},
    reportStalledSpeech: () => {},
    reportProvisioningRetry: (_, _params: { error: ClientError; delayMs: number }) => {},
    reportProvisioningGaveUp: () => {},

    useDefaultMode: assign({ listeningMode: ({ context }) => context.settings.listeningMode }),
    useManualMode: assign({ listeningMode: 'manual' }),
    rememberSession: assign({ sessionId: (_, { sessionId }: { sessionId: string }) => sessionId }),
    forgetSession: assign({ sessionId: undefined }),
    rememberText: assign({ text: (_, { text }: { text: string }) => text }),
    forgetText: assign({ text: undefined }),
    rememberWakePhrase: assign({ wakePhrase: (_, { phrase }: { phrase: string }) => phrase }),
    countProvisioningFailure: assign({
      provisioningFailures: ({ context }) => context.provisioningFailures + 1,
    }),
    forgetProvisioningFailures: assign({ provisioningFailures: 0 }),
    countRecovery: assign({ recoveryAttempts: ({ context }) => context.recoveryAttempts + 1 }),
    forgetRecoveries: assign({ recoveryAttempts: 0 }),
    countLinkFailure: assign({ linkFailures: ({ context }) => context.linkFailures + 1 }),
    forgetLinkFailures: assign({ linkFailures: 0 }),
    deliverToMailbox: assign({
      mailbox: ({ context }, { mail }: { mail: TaskMail }) =>
        deliver(context.mailbox, mail, context.settings.mailboxCapacity).mailbox,
    }),
    withdrawFromMailbox: assign({
      mailbox: ({ context }, { taskIds }: { taskIds: readonly string[] }) =>
        withdraw(context.mailbox, taskIds),
    }),
    planAnnouncement: assign({ announcement: ({ context }) => nextAnnouncement(context) }),
    removeAnnounced: assign({
      mailbox: ({ context }) => withdraw(context.mailbox, context.announcement?.notice.taskIds ?? []),
      announceAttempt: 0,
    }),
    countAnnouncementFailure: assign({
      announceAttempt: ({ context }, { failure }: { failure: AnnouncementFailure }) =>
        nextAttempt(context.announceAttempt, failure, context.settings.announcements),
    }),
  },
  guards: {
    isSettled,
    isComparingToolLists: stateIn({ online: { toolList: 'comparing' } }),
    hasMail: ({ context }) => context.mailbox.length > 0,
    mustKeepQuiet: ({ context }) => planOf(context).kind === 'wait',
    announcesLocally: ({ context }) => nextAnnouncement(context)?.strategy === 'local',
    hasText: ({ context }) => context.text !== undefined,
    /** A voice in full duplex interrupts (in half duplex nobody hears it). */
    mayBargeIn: ({ context: { settings, listeningMode } }) =>
      settings.voiceOverAnswer === 'interrupts' && listeningMode === 'realtime',
    endsWithSpeech: ({ context: { settings, listeningMode } }) =>
      settings.localEndpointing && listeningMode === 'manual',
    uploadsWakeWord: ({ context }) => context.settings.wakeWord === 'uploaded',
    isAuto: ({ context }) => context.listeningMode === 'auto',
    isManual: ({ context }) => context.listeningMode === 'manual',
    isRealtime: ({ context }) => context.listeningMode === 'realtime',
    mayAskAgain: ({ context }) => context.provisioningFailures + 1 < maxProvisioningFailures,
    canRecover: ({ context }, { error }: { error: ClientError }) =>
      error.retryable && context.recoveryAttempts < context.settings.recovery.attempts,
    isRefusal: (_, { error }: { error: ClientError }) => error.code === ErrorCode.transportRefused,
    wantsToListenAfter: (_, { listenAfter }: { listenAfter: boolean }) => listenAfter,
    /** A refusal may mean that our credentials are old: worth one question to the OTA server, not a second. */
    canRefresh: ({ context }, { error }: { error: ClientError }) =>
      error.code === ErrorCode.transportRefused && context.recoveryAttempts === 0,
  },
  delays: {
    /** Quiet long enough for the device to speak up by itself; longer after it did so in vain. */
    idleSettle: ({ context: { settings, announceAttempt } }) =>
      Math.max(settings.idleSettleMs, announcementDelayMs(announceAttempt, settings.announcements)),
    quietHours: ({ context }) => {
      const plan = planOf(context);
      return plan.kind === 'wait' ? plan.delayMs : 0;
    },
    /** Longer than any notice takes to be said; passes only when the loudspeaker hangs. */
    localNotice: 120_000,
    replyTimeout: ({ context }) => context.settings.replyTimeoutMs,
    /** An answer may pause while the model calls tools; after this long it is taken for lost. */
    stalledSpeech: ({ context }) => context.settings.replyTimeoutMs,
    /** Longer than everything the downlink can have buffered (two minutes); passes only when the loudspeaker hangs. */
    drainTimeout: 130_000,
    releaseTail: ({ context }) => context.settings.releaseTailMs,
    provisioningRetry: ({ context }) => provisioningRetryMs(context.provisioningFailures),
    recoveryDelay: ({ context }) => recoveryDelayMs(context, context.recoveryAttempts),
    linkRetry: ({ context }) => recoveryDelayMs(context, context.linkFailures),
    healthyPeriod: ({ context }) => context.settings.recovery.healthyAfterMs,
    /** What a server that reads the list again when told of a change may take for it. */
    listReread: 3_000,
    /** Between two times that servers are met anew for their list. */
    listRest: 30_000,
    /** The firmware's pause before a restart that the server asked for (B41). */
    rebootPause: 1_000,
  },
});

/** Pause after failure number `failures` of the OTA check: 10, 20, 40 … s (firmware A30). */
export function provisioningRetryMs(failures: number): number {
  return backoffDelayMs(failures - 1, { firstMs: firstProvisioningRetryMs, maxMs: maxProvisioningRetryMs });
}

function recoveryDelayMs({ settings }: DeviceContext, failures: number): number {
  return backoffDelayMs(failures - 1, {
    firstMs: settings.recovery.firstDelayMs,
    maxMs: settings.recovery.maxDelayMs,
    jitterShare: recoveryJitterShare,
    random: settings.random,
  });
}

function planOf({ mailbox, announceAttempt, settings }: DeviceContext): AnnouncementPlan {
  return planAnnouncement(mailbox, announceAttempt, settings.announcements, settings.now());
}

function nextAnnouncement(context: DeviceContext): Announcement | undefined {
  const plan = planOf(context);
  return plan.kind === 'send' ? { ...plan, attempt: context.announceAttempt } : undefined;
}

/** What becomes of mail that comes: it is new or known, and the box takes it or is full. */
export interface DeliveryNote {
  readonly queued: readonly string[];
  /** Has to be brought again when something has been told. */
  readonly untaken: readonly string[];
}

export function deliveryNote({ mailbox, settings }: DeviceContext, mail: TaskMail): DeliveryNote {
  const { taken } = deliver(mailbox, mail, settings.mailboxCapacity);
  return { queued: waits(mailbox, mail.taskId) ? [] : [mail.taskId], untaken: taken ? [] : [mail.taskId] };
}
