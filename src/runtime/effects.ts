import type { Downlink } from '../audio/downlink.ts';
import type { Uplink } from '../audio/uplink.ts';
import { ClientError, ErrorCode, messageOf, type toClientError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Announcement } from '../machine/context.ts';
import type { ListeningMode, TextWay } from '../machine/events.ts';
import type { DeliveryNote } from '../machine/setup.ts';
import type { StatusDisplay } from '../ports/status-display.ts';
import { clientMessage } from '../protocol/messages.ts';
import type { Announcer } from './announcer.ts';
import type { ReportProblem } from './problem-reporter.ts';
import type { Wire } from './wire.ts';

type Announced = { readonly announcement: Announcement | undefined };

export interface EffectParts {
  readonly announcer: Announcer;
  readonly wire: Wire;
  readonly uplink: Uplink;
  readonly downlink: Downlink;
  readonly display: StatusDisplay;
  readonly report: ReportProblem;
  readonly logger: Logger;
  /** Compares what servers have read of our tools with what there is, and tells the machine. */
  readonly compareToolLists: () => void;
  /** Sends words to the server as if a person had said them. */
  readonly sendText: (text: string, way: TextWay) => void;
  /** Keeps how this server takes texts for the next start. */
  readonly rememberTextWay: (way: TextWay) => void;
}

/** What the machine's effects do. None throws: that would stop the device (a throw is logged and swallowed here). */
export function createEffects(parts: EffectParts) {
  const { announcer, wire, uplink, downlink, display, report, logger } = parts;
  const guarded =
    <Params>(name: string, effect: (params: Params) => void) =>
    (_: unknown, params: Params): void => {
      try {
        effect(params);
      } catch (thrown) {
        logger.error('An effect failed', { effect: name, message: messageOf(thrown), cause: thrown });
      }
    };
  const fail = (code: ErrorCode, message: string) =>
    report(new ClientError(code, message, { retryable: true }));
  return {
    sendListenStart: guarded('sendListenStart', ({ mode }: { mode: ListeningMode }) => {
      wire.send(clientMessage.listenStart(wire.sessionId, mode));
    }),
    sendListenStop: guarded('sendListenStop', () => {
      wire.send(clientMessage.listenStop(wire.sessionId));
    }),
    sendWake: guarded('sendWake', ({ phrase }: { phrase: string }) => {
      uplink.sendHeld();
      wire.send(clientMessage.listenDetect(wire.sessionId, phrase));
    }),
    sendAbort: guarded('sendAbort', ({ reason }: { reason: 'wake-word' | 'user' }) => {
      wire.send(clientMessage.abort(wire.sessionId, reason));
    }),
    sendSpeakReady: guarded('sendSpeakReady', () => {
      wire.send(clientMessage.speakReady(wire.sessionId));
    }),
    sendText: guarded('sendText', ({ text, way }: { text: string; way: TextWay }) =>
      parts.sendText(text, way),
    ),
    sendAnnouncement: guarded(
      'sendAnnouncement',
      ({ announcement, way }: Announced & { readonly way: TextWay }) => {
        if (announcement) announcer.send(announcement, way);
      },
    ),
    rememberTextWay: guarded('rememberTextWay', ({ way }: { way: TextWay }) => parts.rememberTextWay(way)),
    playResumed: guarded('playResumed', () => announcer.playResumed()),
    noteUnreadList: guarded('noteUnreadList', () =>
      logger.info(
        'The server has not read the changed list of tools; it will with its next connection, when the conversation is over',
      ),
    ),
    playNotice: guarded('playNotice', ({ announcement }: Announced) => {
      if (announcement) announcer.play(announcement);
    }),
    noteMail: guarded('noteMail', (note: DeliveryNote) => announcer.noteMail(note)),
    noteAnnouncement: guarded(
      'noteAnnouncement',
      ({ phase, announcement }: Announced & { phase: 'spoken' | 'failed' }) => {
        if (announcement) announcer.note(phase, announcement);
      },
    ),
    beginPlayback: guarded('beginPlayback', () => downlink.begin()),
    finishPlayback: guarded('finishPlayback', () => downlink.finish()),
    flushPlayback: guarded('flushPlayback', () => {
      announcer.cancelSound();
      downlink.flush();
    }),
    compareToolLists: guarded('compareToolLists', () => parts.compareToolLists()),
    duckPlayback: guarded('duckPlayback', () => downlink.duck('ducked')),
    unduckPlayback: guarded('unduckPlayback', () => downlink.duck('full')),
    showActivation: guarded('showActivation', ({ code, message }: { code: string; message: string }) => {
      display.show({ type: 'activation', code, message });
    }),
    reportError: guarded('reportError', ({ error }: { error: ReturnType<typeof toClientError> }) =>
      report(error),
    ),
    reportMicrophoneLoss: guarded(
      'reportMicrophoneLoss',
      ({ error }: { error: ClientError | undefined }) => error && report(error),
    ),
    reportNoReply: guarded('reportNoReply', () =>
      fail(ErrorCode.replyTimeout, 'The server did not answer. Nothing may have been understood; ask again.'),
    ),
    reportNotResumed: guarded('reportNotResumed', () =>
      fail(
        ErrorCode.conversationNotResumed,
        'The connection was away for too long to go on listening by itself. Press the talk key, or say the wake word, to go on.',
      ),
    ),
    reportNotReady: guarded('reportNotReady', () =>
      fail(
        ErrorCode.notReady,
        'The device was still looking for its server when the talk key was let go. Press it again in a moment.',
      ),
    ),
    reportStalledSpeech: guarded('reportStalledSpeech', () =>
      fail(
        ErrorCode.replyTimeout,
        'The server began an answer but never finished it; the device goes on without the rest.',
      ),
    ),
    reportProvisioningRetry: guarded(
      'reportProvisioningRetry',
      ({ error, delayMs }: { error: ClientError; delayMs: number }) =>
        report(
          new ClientError(error.code, `${error.message} Trying again in ${delayMs / 1000} s.`, {
            retryable: true,
            cause: error,
          }),
        ),
    ),
  };
}
