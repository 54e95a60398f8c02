import { onHeard, settleAnnouncement } from '../../announcing.ts';
import { deviceSetup } from '../../setup.ts';
import {
  abortForUser,
  abortForWake,
  afterAnnouncement,
  learning,
  rememberText,
  sendAnnouncement,
} from './parts.ts';

/**
 * The server is told of finished tasks and expected to speak of them. From idle, or within a conversation, whose mode stays
 * as it is: then the person is listened for until the first sound, and comes first.
 */
export const announcing = deviceSetup.createStateConfig({
  id: 'announcing',
  tags: ['attentive', 'duplex', 'wake-word'],
  entry: 'planAnnouncement',
  initial: 'introducing',
  // Quiet hours may have begun, or the mail may be gone.
  always: { guard: 'isAnnouncingNothing', target: '#announcing.nothing' },
  on: {
    'talk.toggled': { target: '#listening', actions: 'useDefaultMode' },
    'talk.pressed': { target: '#listening', actions: 'useManualMode' },
    'wake.detected': { target: '#listening', actions: 'useDefaultMode' },
    'text.submitted': { target: '#thinking.introducing', actions: rememberText },
    'speech.started': { guard: 'inConversation', target: '#listening' },
    // Somebody else speaks: the notice comes later.
    'tts.started': { target: '#speaking', actions: settleAnnouncement },
    'channel.closed': '#standby',
  },
  states: {
    /** See `thinking.introducing`. */
    introducing: { always: { guard: 'toolsAreMet', target: 'recording' } },
    /** After a kill in what follows the device knows that it may have told it. */
    recording: {
      invoke: {
        src: 'recordSending',
        input: ({ context }) => ({ taskIds: context.announcement?.notice.taskIds ?? [] }),
        onDone: 'asked',
      },
      after: { recordLimit: 'asked' },
    },
    asked: {
      initial: 'sent',
      on: {
        // What a server does that does not take such a text.
        'alert.received': afterAnnouncement,
        'talk.toggled': { target: '#listening', actions: [...abortForUser, 'useDefaultMode'] },
        'talk.pressed': { target: '#listening', actions: [...abortForUser, 'useManualMode'] },
        'wake.detected': { target: '#listening', actions: [...abortForWake, 'useDefaultMode'] },
        'text.submitted': { target: '#thinking.toText', actions: [...abortForUser, rememberText] },
        'speech.started': { guard: 'inConversation', target: '#listening', actions: abortForUser },
        'tts.started': '.answering',
        'tts.sentence': { guard: 'isNoOldAnswer', target: '.answering' },
      },
      states: {
        /** No sign yet that the server has understood. */
        sent: {
          entry: sendAnnouncement,
          after: { noticeReply: { target: 'over', actions: 'forgetTextWay' } },
          initial: 'fresh',
          on: {
            'stt.received': learning('#announcing.asked.taken'),
            'call.started': learning('#announcing.asked.taken', 'countCall'),
            'tts.started': learning('#announcing.asked.answering'),
          },
          states: {
            fresh: {
              after: { textSure: 'waiting' },
            },
            waiting: {
              after: {
                textSign: [
                  {
                    guard: 'hasOtherTextWay',
                    target: '#announcing.asked.sent',
                    reenter: true,
                    actions: 'tryNextTextWay',
                  },
                  { target: 'patient' },
                ],
              },
            },
            patient: {},
          },
        },
        /** The server has understood; its model may take its time. */
        taken: {
          after: {
            replyTimeout: [{ guard: 'callIsOpen', target: 'taken', reenter: true }, { target: 'over' }],
          },
          on: {
            'call.ended': { target: 'taken', reenter: true, actions: 'uncountCall' },
            'tts.stopped': 'over',
          },
        },
        /** The answer has begun, nothing of it has sounded. */
        answering: {
          tags: ['downlink'],
          entry: 'beginPlayback',
          initial: 'waiting',
          states: {
            waiting: {
              after: {
                replyTimeout: [
                  { guard: 'callIsOpen', target: 'waiting', reenter: true },
                  { target: '#announcing.asked.over' },
                ],
              },
              on: { 'call.ended': { target: 'waiting', reenter: true, actions: 'uncountCall' } },
            },
          },
          on: {
            'tts.started': {},
            'tts.sentence': {},
            'playback.started': { target: '#speaking.playing.flowing', actions: 'noteSounded' },
            'playback.heard': onHeard,
            // Packets that have come are played before the answer counts as empty.
            'tts.stopped': 'ending',
          },
        },
        ending: {
          tags: ['downlink'],
          entry: 'finishPlayback',
          after: { drainTimeout: 'over' },
          on: {
            'tts.started': 'answering',
            'tts.stopped': {},
            'playback.started': { target: '#speaking.draining', actions: 'noteSounded' },
            'playback.heard': onHeard,
            'playback.drained': 'over',
          },
        },
        over: { entry: 'flushPlayback', always: afterAnnouncement },
      },
    },
    nothing: { always: afterAnnouncement },
  },
});
