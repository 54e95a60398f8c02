import { settleAnnouncement } from '../../announcing.ts';
import { deviceSetup } from '../../setup.ts';
import { abortForUser, abortForWake, learning, rememberText, sendText } from './parts.ts';

/** Nobody answered; a conversation goes on by listening. */
const actions = ['reportNoReply', 'forgetText', 'forgetTextWay'] as const;
const noReply = [
  { guard: 'inConversation', target: '#listening', actions },
  { target: '#idle', actions },
] as const;

/** The question is asked, the answer not begun: idle on the wire, not in the conversation. */
export const thinking = deviceSetup.createStateConfig({
  id: 'thinking',
  entry: settleAnnouncement,
  initial: 'silent',
  on: {
    'tts.started': '#speaking',
    'tts.sentence': { guard: 'isNoOldAnswer', target: '#speaking' },
    'text.submitted': { target: '.toText', reenter: true, actions: [...abortForUser, rememberText] },
    'wake.detected': { target: '#listening', actions: [...abortForWake, 'useDefaultMode'] },
    'talk.pressed': { target: '#listening', actions: [...abortForUser, 'useManualMode'] },
  },
  states: {
    /** The server decides when the person has finished, so it keeps hearing them for a moment (firmware B70). */
    attentive: {
      tags: ['uplink', 'microphone'],
      after: { attention: 'patient' },
      on: { 'talk.toggled': '#standby' },
    },
    /** What is said now would be thrown away. */
    patient: {
      tags: ['wake-word'],
      after: {
        replyTimeout: [
          { guard: 'callIsOpen', target: 'patient', reenter: true },
          { target: '#listening', actions: 'reportNoReply' },
        ],
      },
      on: {
        'talk.toggled': '#standby',
        'call.ended': { target: 'patient', reenter: true, actions: 'uncountCall' },
      },
    },
    /** A first text waits a moment for a server that is about to read our tools: it would be answered without them. */
    introducing: {
      always: { guard: 'toolsAreMet', target: 'toText' },
      tags: ['wake-word'],
      on: {
        'text.submitted': { actions: rememberText },
        'talk.toggled': { target: '#listening', actions: 'useDefaultMode' },
        'talk.pressed': { target: '#listening', actions: 'useManualMode' },
        'wake.detected': { target: '#listening', actions: 'useDefaultMode' },
      },
    },
    /** A text has been sent. Without any sign of the server other ways to send it are tried. */
    toText: {
      entry: sendText,
      after: { replyTimeout: noReply },
      initial: 'fresh',
      tags: ['wake-word'],
      on: {
        'stt.received': learning('#thinking.silent'),
        'call.started': learning('#thinking.silent', 'countCall'),
        'tts.started': learning('#speaking'),
        'talk.toggled': { target: '#listening', actions: [...abortForUser, 'useDefaultMode'] },
      },
      states: {
        fresh: { after: { textSure: 'waiting' } },
        waiting: {
          after: {
            textSign: [
              {
                guard: 'hasOtherTextWay',
                target: '#thinking.toText',
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
    silent: {
      tags: ['wake-word'],
      after: {
        replyTimeout: [{ guard: 'callIsOpen', target: 'silent', reenter: true }, ...noReply],
      },
      on: {
        'talk.toggled': { target: '#listening', actions: [...abortForUser, 'useDefaultMode'] },
        'call.ended': { target: 'silent', reenter: true, actions: 'uncountCall' },
      },
    },
  },
});
