import {
  and,
  assign,
  type CallbackLogicFunction,
  fromCallback,
  fromPromise,
  not,
  or,
  raise,
  setup,
  stateIn,
} from 'xstate';
import { backoffDelayMs } from '../core/backoff.ts';
import { type ClientError, ErrorCode } from '../core/errors.ts';
import { clockLookMs } from '../core/system-time.ts';
import type { TaskMail } from '../mcp/announcements/mail.ts';
import { deliver, doubt, waits, withdraw } from '../mcp/announcements/mailbox.ts';
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
  TextWay,
} from './events.ts';

export type LinkLogic = CallbackLogicFunction<{ type: 'unused' }, LinkEvent | ServerEvent>;
export type ChannelLogic = CallbackLogicFunction<{ type: 'unused' }, ChannelEvent | ServerEvent>;

const firstProvisioningRetryMs = 10_000;
/** The firmware gives up in the end (A30); where nobody looks at a screen that would be for ever. */
const maxProvisioningRetryMs = 300_000;
const recoveryJitterShare = 0.2;
/** A person who answers at once has begun within it. */
const maxAnswerPauseMs = 800;
/** A server that does not even begin to answer a notice by then does not take such texts. */
const maxNoticeReplyMs = 20_000;

/** Nobody talks, and has not for a moment. */
const isSettled = or(
  (['ready', 'quiet'] as const).flatMap((settled) => [
    stateIn({ online: { conversation: { standby: settled } } }),
    stateIn({ online: { conversation: { connected: { session: { idle: settled } } } } }),
  ]),
);

const inSession = stateIn({ online: { conversation: { connected: 'session' } } });
const isOpening = stateIn({ online: { conversation: { connected: 'opening' } } });
const isRecovering = stateIn({ online: { conversation: 'recovering' } });
const voiceIsHeard = stateIn({ online: { nearEnd: 'voice' } });
const isResumable = stateIn({ online: { resumption: 'fresh' } });
const isTooLateToResume = stateIn({ online: { resumption: 'stale' } });

const answerIsAborted = stateIn({ online: { answer: 'aborted' } });
/** An answer is heard, or on its way. */
const isAnswering = or(
  (['thinking', 'speaking', 'announcing', 'announcingHere'] as const).map((part) =>
    stateIn({ online: { conversation: { connected: { session: part } } } }),
  ),
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
    /** Notes on disk that these results are about to be told. Never rejects. */
    recordSending: fromPromise<void, { readonly taskIds: readonly string[] }>(notProvided('recordSending')),
  },
  actions: {
    sendListenStart: (_, _params: { mode: ListeningMode }) => {},
    sendListenStop: () => {},
    /** What was heard before and with the wake word, then the word itself (firmware B24). */
    sendWake: (_, _params: { phrase: string }) => {},
    sendAbort: (_, _params: { reason: 'wake-word' | 'user' }) => {},
    /** Answers a server that wants to speak: now it may. */
    sendSpeakReady: () => {},
    /** The text by the given way, and one silent frame behind it: a real server is deaf for two seconds of sound after it. */
    sendText: (_, _params: { text: string; way: TextWay }) => {},
    /** The same for a notice. */
    sendAnnouncement: (_, _params: { announcement: Announcement | undefined; way: TextWay }) => {},
    /** The server takes texts this way: kept for the next start. */
    rememberTextWay: (_, _params: { way: TextWay }) => {},
    /** Chime and voice through the loudspeaker, text on the screen; `playback.drained` follows. */
    playNotice: (_, _params: { announcement: Announcement | undefined }) => {},
    /** A short sound that says: the conversation goes on, you are heard again; `playback.drained` follows. */
    playResumed: () => {},
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
    /** The server goes on with an old list until it is met anew. */
    noteUnreadList: () => {},
    reportError: (_, _params: { error: ClientError }) => {},
    reportMicrophoneLoss: (_, _params: { error: ClientError | undefined }) => {},
    reportNoReply: () => {},
    /** The connection came back too late to listen again by itself. */
    reportNotResumed: () => {},
    /** The talk key was let go before the device could hear anything. */
    reportNotReady: () => {},
    reportStalledSpeech: () => {},
    reportProvisioningRetry: (_, _params: { error: ClientError; delayMs: number }) => {},

    useDefaultMode: assign({ listeningMode: ({ context }) => context.settings.listeningMode }),
    noteMicrophoneLoss: assign({ microphoneLoss: (_, { error }: { error: ClientError }) => error }),
    forgetMicrophoneLoss: assign({ microphoneLoss: undefined }),
    chooseMode: assign({
      settings: ({ context }, { mode }: { mode: ListeningMode }) => ({
        ...context.settings,
        listeningMode: mode,
      }),
    }),
    useManualMode: assign({ listeningMode: 'manual' }),
    useWishedMode: assign({
      listeningMode: ({ context }) => context.wish ?? context.settings.listeningMode,
      wish: undefined,
    }),
    wishForDefaultMode: assign({ wish: ({ context }) => context.settings.listeningMode }),
    wishForManualMode: assign({ wish: 'manual' }),
    forgetWish: assign({ wish: undefined }),
    rememberSession: assign({
      sessionId: (_, { sessionId }: { sessionId: string }) => sessionId,
      isRefreshed: false,
    }),
    noteRefreshed: assign({ isRefreshed: true }),
    forgetSession: assign({ sessionId: undefined }),
    /** What is known of a session's server is not known of the next. */
    beginSession: assign({ introduction: 'none', openCalls: 0 }),
    noteIntroduction: assign({
      introduction: ({ context }) => (context.introduction === 'none' ? 'begun' : context.introduction),
    }),
    endIntroduction: assign({ introduction: 'over' }),
    noteListedOverLink: assign({ listedOverLink: true }),
    forgetListedOverLink: assign({ listedOverLink: false }),
    countCall: assign({ openCalls: ({ context }) => context.openCalls + 1 }),
    uncountCall: assign({ openCalls: ({ context }) => Math.max(0, context.openCalls - 1) }),
    /** An abort has been sent. */
    expectOldAnswer: raise({ type: 'answer.aborted' }),
    knowTextWay: assign({
      textWays: ({ context }) => [textWayOf(context)],
      knownTextWay: ({ context }) => textWayOf(context),
    }),
    tryNextTextWay: assign({ textWays: ({ context }) => context.textWays.slice(1) }),
    /** No answer, or nobody knows to which: the next text begins with the first way again. */
    forgetTextWay: assign({ textWays: ({ context }) => context.settings.textWays, knownTextWay: undefined }),
    /** Every text begins with the way that is known, or the first. */
    rememberText: assign({
      text: (_, { text }: { text: string }) => text,
      textWays: ({ context }) => firstTextWays(context),
    }),
    forgetText: assign({ text: undefined }),
    rememberWakePhrase: assign({ wakePhrase: (_, { phrase }: { phrase: string }) => phrase }),
    countProvisioningFailure: assign({
      provisioningFailures: ({ context }) => context.provisioningFailures + 1,
    }),
    forgetProvisioningFailures: assign({ provisioningFailures: 0 }),
    countRecovery: assign({ recoveryAttempts: ({ context }) => context.recoveryAttempts + 1 }),
    forgetRecoveries: assign({ recoveryAttempts: 0, isRefreshed: false }),
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
    planAnnouncement: assign({
      announcement: ({ context }) => nextAnnouncement(context),
      textWays: ({ context }) => firstTextWays(context),
    }),
    removeAnnounced: assign({
      mailbox: ({ context }) => withdraw(context.mailbox, context.announcement?.notice.taskIds ?? []),
      announceAttempt: 0,
    }),
    noteSounded: assign({
      announcement: ({ context: { announcement } }) => announcement && { ...announcement, sounded: true },
    }),
    forgetAnnouncement: assign({ announcement: undefined }),
    doubtAnnounced: assign({
      mailbox: ({ context }) => doubt(context.mailbox, context.announcement?.notice.taskIds ?? []),
    }),
    countAnnouncementFailure: assign({
      announceAttempt: ({ context }, { failure }: { failure: AnnouncementFailure }) =>
        nextAttempt(context.announceAttempt, failure, context.settings.announcements),
    }),
  },
  guards: {
    isSettled,
    isComparingToolLists: stateIn({ online: { toolList: 'comparing' } }),
    /** There is mail, and it is no quiet hour. */
    mayTell: ({ context }) => planOf(context).kind === 'send',
    /** … and the last try was no failure: after one the server gets time. */
    mayTellAtOnce: ({ context }) =>
      context.announceAttempt === 0 && !isUnheard(context) && planOf(context).kind === 'send',
    isAnnouncingNothing: ({ context }) => context.announcement === undefined,
    mustKeepQuiet: ({ context }) => planOf(context).kind === 'wait',
    announcesLocally: ({ context }) => nextAnnouncement(context)?.strategy === 'local',
    isUnheard: ({ context }) => isUnheard(context),
    hasText: ({ context }) => context.text !== undefined,
    hasWish: ({ context }) => context.wish !== undefined,
    wishesToPress: ({ context }) => context.wish === 'manual',
    /** The person began a conversation that goes on by itself. */
    isAnswering,
    microphoneIsLost: ({ context }) => context.microphoneLoss !== undefined,
    inConversation: ({ context }) => context.listeningMode !== 'manual',
    voiceIsHeard,
    isResumable,
    /** The wish to be heard is too old, and no text waits, which is asked however long it takes. */
    isGivenUp: and([
      isTooLateToResume,
      ({ context }: { context: DeviceContext }) => context.text === undefined,
    ]),
    isBack: not(or([isRecovering, isOpening])),
    callIsOpen: ({ context }) => context.openCalls > 0,
    toolsAreMet: ({ context }) => context.introduction === 'over' || context.listedOverLink,
    toolsAreUnasked: ({ context }) => context.introduction === 'none',
    hasOtherTextWay: ({ context }) => context.textWays.length > 1,
    /** The text has gone only one way, or went this one just now: an answer is an answer to it. */
    isSureOfTextWay: or([
      ({ context }: { context: DeviceContext }) =>
        context.knownTextWay !== undefined || context.textWays.length === context.settings.textWays.length,
      stateIn({
        online: { conversation: { connected: { session: { announcing: { asked: { sent: 'fresh' } } } } } },
      }),
      stateIn({ online: { conversation: { connected: { session: { thinking: { toText: 'fresh' } } } } } }),
    ]),
    /** While the person speaks, what comes after an abort is still of the answer that was broken off. */
    isOldAnswer: and([answerIsAborted, or(['inManualMode', voiceIsHeard])]),
    isNoOldAnswer: not(answerIsAborted),
    isSpeaking: stateIn({ online: { conversation: { connected: { session: 'speaking' } } } }),
    /** A voice in full duplex interrupts (in half duplex nobody hears it). */
    mayBargeIn: ({ context: { settings, listeningMode } }) =>
      settings.voiceOverAnswer === 'interrupts' && listeningMode === 'realtime',
    endsWithSpeech: ({ context: { settings, listeningMode } }) =>
      settings.localEndpointing && listeningMode === 'manual',
    uploadsWakeWord: ({ context }) => context.settings.wakeWord === 'uploaded',
    inAutoMode: ({ context }) => context.listeningMode === 'auto',
    inManualMode: ({ context }) => context.listeningMode === 'manual',
    inRealtimeMode: ({ context }) => context.listeningMode === 'realtime',
    /** In full duplex the server hears the person all the time; only after a notice it is told anew that it should. */
    listensOn: ({ context }) => context.listeningMode === 'realtime' && context.announcement === undefined,
    voiceGoesOn: and([
      voiceIsHeard,
      ({ context }: { context: DeviceContext }) =>
        context.listeningMode === 'realtime' && context.announcement === undefined,
    ]),
    canRecover: ({ context }, { error }: { error: ClientError }) =>
      error.retryable && context.recoveryAttempts < context.settings.recovery.attempts,
    isRefusal: (_, { error }: { error: ClientError }) => error.code === ErrorCode.transportRefused,
    /** Something that the person is waiting for was lost with the session: a text, or that they are listened to. */
    mayComeBack: ({ context }, { error }: { error: ClientError }) =>
      isWaitedFor(context) &&
      error.retryable &&
      context.recoveryAttempts < context.settings.recovery.attempts,
    mayResume: and([
      inSession,
      ({ context }: { context: DeviceContext }) => context.listeningMode !== 'manual',
    ]),
    holdsKey: and([
      isOpening,
      ({ context }: { context: DeviceContext }) =>
        context.listeningMode === 'manual' && context.text === undefined,
    ]),
    wantsToListenAfter: ({ context }, { listenAfter }: { listenAfter: boolean }) =>
      listenAfter && context.settings.serverMayListen,
    /** A refusal may mean that our credentials are old: worth one question to the OTA server, not a second. */
    canRefresh: ({ context }, { error }: { error: ClientError }) =>
      error.code === ErrorCode.transportRefused && !context.isRefreshed,
    mayRefresh: ({ context }, { error }: { error: ClientError }) =>
      isWaitedFor(context) && error.code === ErrorCode.transportRefused && !context.isRefreshed,
  },
  delays: {
    /** Quiet long enough for the device to speak up by itself; longer after it did so in vain. */
    idleSettle: ({ context: { settings, announceAttempt } }) =>
      Math.max(settings.idleSettleMs, announcementDelayMs(announceAttempt, settings.announcements)),
    /** Looked at again and again: the clock may be set while it waits, and in suspend timers stand still. */
    quietHours: ({ context }) => {
      const plan = planOf(context);
      return plan.kind === 'wait' ? Math.min(plan.delayMs, clockLookMs) : 0;
    },
    /** Longer than any notice takes to be said; passes only when the loudspeaker hangs. */
    localNotice: 120_000,
    replyTimeout: ({ context }) => context.settings.replyTimeoutMs,
    /** An answer may pause while its voice is made; after this long it is taken for lost. */
    stalledSpeech: ({ context }) => context.settings.soundGapTimeoutMs,
    /** Between an answer and a notice: a person who says something at once comes first. */
    answerPause: ({ context }) => Math.min(context.settings.idleSettleMs, maxAnswerPauseMs),
    /** Between silence and a notice: one turn of the event loop in idle. */
    silencePause: 0,
    /** Nobody has spoken since `listen start`: that counts as silence; longer after a notice that failed. */
    quietTime: ({ context: { settings, announceAttempt } }) =>
      Math.max(settings.announcements.quietMs, announcementDelayMs(announceAttempt, settings.announcements)),
    /** The same after a voice that brought no `stt`. */
    unansweredVoice: ({ context: { settings, announceAttempt } }) =>
      Math.max(
        (settings.announcements.quietMs * 5) / 3,
        announcementDelayMs(announceAttempt, settings.announcements),
      ),
    /** How long a server that has understood goes on hearing the person. */
    attention: 2_000,
    /** A server that answers an abort has done so by then. */
    abortEcho: 1_500,
    noticeReply: ({ context }) => Math.min(context.settings.replyTimeoutMs, maxNoticeReplyMs),
    /** The disk is slow: telling matters more than being sure not to repeat it. */
    recordLimit: 2_000,
    /** A server that wants to know our tools says so within it, on a new session. */
    introduction: 200,
    /** … and has read the list within it. */
    listing: 2_500,
    /** An answer so soon after a text is an answer to the way it was sent. */
    textSure: 2_000,
    /** Without any sign of the server for so long after that, the next way is tried. */
    textSign: 2_000,
    resumeWithin: ({ context }) => context.settings.resumeWithinMs,
    /** Longer than the sound takes. */
    resumedSound: 2_000,
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

/** Pause after failure number `failures` of the OTA check: 10, 20, 40 … 300 s (firmware A30). */
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

export const textWayOf = ({ textWays, settings }: DeviceContext): TextWay =>
  (textWays[0] ?? settings.textWays[0]) as TextWay;

const firstTextWays = ({ knownTextWay, settings }: DeviceContext): readonly TextWay[] =>
  knownTextWay === undefined ? settings.textWays : [knownTextWay];

/** An announcement is under way, and its results still wait to be heard. */
export function isUnheard({ announcement, mailbox }: DeviceContext): boolean {
  return announcement?.notice.taskIds.some((id) => waits(mailbox, id)) ?? false;
}

const isWaitedFor = ({ text, listeningMode }: DeviceContext): boolean =>
  text !== undefined || listeningMode !== 'manual';

function planOf({ mailbox, announceAttempt, settings }: DeviceContext): AnnouncementPlan {
  return planAnnouncement(mailbox, announceAttempt, settings.announcements, settings.now());
}

function nextAnnouncement(context: DeviceContext): Announcement | undefined {
  const plan = planOf(context);
  return plan.kind === 'send' ? { ...plan, attempt: context.announceAttempt, sounded: false } : undefined;
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
