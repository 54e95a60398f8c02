import { assign, type CallbackLogicFunction, fromCallback, fromPromise, setup } from 'xstate';
import { backoffDelayMs } from '../core/backoff.ts';
import { type ClientError, ErrorCode } from '../core/errors.ts';
import type { DeviceContext, DeviceSettings, DeviceTag } from './context.ts';
import type {
  ChannelEvent,
  DeviceEvent,
  ListeningMode,
  ProvisioningResult,
  ServerEvent,
  ToolCompletion,
} from './events.ts';
import { deliver } from './mailbox.ts';

export type ChannelLogic = CallbackLogicFunction<{ type: 'unused' }, ChannelEvent | ServerEvent>;

/** Failed OTA checks in a row before the device stops asking by itself (firmware A30). */
const maxProvisioningFailures = 10;
const firstProvisioningRetryMs = 10_000;
const maxProvisioningRetryMs = 2_560_000;
const maxAnnounceDelayMs = 60_000;
const recoveryJitterShare = 0.2;

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
    sendText: (_, _params: { text: string }) => {},
    sendAnnouncement: (_, _params: { completion: ToolCompletion }) => {},
    beginPlayback: () => {},
    /** No more audio is expected; `playback.drained` follows when the last sample has been heard. */
    finishPlayback: () => {},
    flushPlayback: () => {},
    showActivation: (_, _params: { code: string; message: string }) => {},
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
    deliverToMailbox: assign({
      mailbox: ({ context }, { completion }: { completion: ToolCompletion }) =>
        deliver(context.mailbox, completion),
    }),
    removeAnnounced: assign({ mailbox: ({ context }) => context.mailbox.slice(1), announceAttempts: 0 }),
    countAnnouncement: assign({ announceAttempts: ({ context }) => context.announceAttempts + 1 }),
  },
  guards: {
    hasMail: ({ context }) => context.mailbox.length > 0,
    hasText: ({ context }) => context.text !== undefined,
    isAuto: ({ context }) => context.listeningMode === 'auto',
    isManual: ({ context }) => context.listeningMode === 'manual',
    isRealtime: ({ context }) => context.listeningMode === 'realtime',
    defaultIsManual: ({ context }) => context.settings.listeningMode === 'manual',
    mayAskAgain: ({ context }) => context.provisioningFailures + 1 < maxProvisioningFailures,
    canRecover: ({ context }, { error }: { error: ClientError }) =>
      error.retryable && context.recoveryAttempts < context.settings.recovery.attempts,
    /** A refusal may mean that our credentials are old: worth one question to the OTA server, not a second. */
    canRefresh: ({ context }, { error }: { error: ClientError }) =>
      error.code === ErrorCode.transportRefused && context.recoveryAttempts === 0,
  },
  delays: {
    idleSettle: ({ context }) =>
      Math.min(maxAnnounceDelayMs, context.settings.idleSettleMs * 2 ** context.announceAttempts),
    replyTimeout: ({ context }) => context.settings.replyTimeoutMs,
    /** An answer may pause while the model calls tools; after this long it is taken for lost. */
    stalledSpeech: ({ context }) => context.settings.replyTimeoutMs,
    /** Longer than everything that can still be buffered; passes only when the loudspeaker hangs. */
    drainTimeout: 10_000,
    releaseTail: ({ context }) => context.settings.releaseTailMs,
    provisioningRetry: ({ context }) => provisioningRetryMs(context.provisioningFailures),
    recoveryDelay: ({ context }) =>
      backoffDelayMs(context.recoveryAttempts - 1, {
        firstMs: context.settings.recovery.firstDelayMs,
        maxMs: context.settings.recovery.maxDelayMs,
        jitterShare: recoveryJitterShare,
        random: context.settings.random,
      }),
    healthyPeriod: ({ context }) => context.settings.recovery.healthyAfterMs,
    /** The firmware's pause before a restart that the server asked for (B41). */
    rebootPause: 1_000,
  },
});

/** Pause after failure number `failures` of the OTA check: 10, 20, 40 … s (firmware A30). */
export function provisioningRetryMs(failures: number): number {
  return backoffDelayMs(failures - 1, { firstMs: firstProvisioningRetryMs, maxMs: maxProvisioningRetryMs });
}
