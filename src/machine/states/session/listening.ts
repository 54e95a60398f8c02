import { settleAnnouncement } from '../../announcing.ts';
import { deviceSetup } from '../../setup.ts';
import { abortForWake, rememberText } from './parts.ts';

const sendListenStart = {
  type: 'sendListenStart',
  params: ({ context }: { context: { listeningMode: 'auto' | 'manual' | 'realtime' } }) => ({
    mode: context.listeningMode,
  }),
} as const;

/** Silence in which mail is told: in a conversation, outside the quiet hours. */
const silent = {
  initial: 'ready',
  on: { 'speech.started': 'heard' },
  states: {
    ready: {
      always: [
        { guard: 'inManualMode', target: 'waiting' },
        { guard: 'mustKeepQuiet', target: 'quietHours' },
        { guard: 'mayTell', target: '#idle.pausing.inSilence' },
      ],
    },
    quietHours: { after: { quietHours: 'ready' } },
    /** Whoever holds a key will say something. */
    waiting: {},
  },
} as const;

/** The person speaks. Who decides that they have finished depends on the mode (firmware B10). */
export const listening = deviceSetup.createStateConfig({
  id: 'listening',
  tags: ['uplink', 'microphone'],
  entry: [settleAnnouncement, 'forgetText'],
  initial: 'starting',
  always: { guard: 'microphoneIsLost', target: '#standby' },
  on: {
    'tts.started': [{ guard: 'isOldAnswer' }, { target: '#speaking' }],
    'tts.sentence': { guard: 'isNoOldAnswer', target: '#speaking' },
    'text.submitted': { target: '#thinking.introducing', actions: rememberText },
    'wake.detected': { target: '#listening', actions: [...abortForWake, 'flushPlayback'] },
  },
  states: {
    starting: { entry: sendListenStart, always: 'open' },
    open: {
      initial: 'beginning',
      on: {
        'talk.toggled': [{ guard: 'inManualMode', target: 'releasing' }, { target: '#standby' }],
        'talk.released': { guard: 'inManualMode', target: 'releasing' },
        'speech.ended': { guard: 'endsWithSpeech', target: 'releasing' },
        'stt.received': [
          { guard: 'isOldAnswer' },
          { guard: 'inAutoMode', target: '#thinking.attentive' },
          { guard: 'inRealtimeMode', target: '.understood' },
        ],
      },
      states: {
        beginning: { always: [{ guard: 'voiceIsHeard', target: 'heard' }, { target: 'still' }] },
        /** Nobody has said anything yet. */
        still: { after: { quietTime: 'silent' }, on: { 'speech.started': 'heard' } },
        heard: {
          on: {
            'speech.ended': [
              { guard: 'endsWithSpeech', target: '#listening.releasing' },
              { target: 'unanswered' },
            ],
          },
        },
        /** A voice has ended, and the server has not said what it understood. */
        unanswered: { after: { unansweredVoice: 'silent' }, on: { 'speech.started': 'heard' } },
        /** Full duplex: the person stays heard while an answer is awaited. */
        understood: {
          after: {
            replyTimeout: [
              { guard: 'callIsOpen', target: 'understood', reenter: true },
              { target: 'beginning' },
            ],
          },
          on: {
            'call.ended': { target: 'understood', reenter: true, actions: 'uncountCall' },
            'speech.ended': {},
          },
        },
        silent,
      },
    },
    /** Key pressed and let go before the channel was open. */
    brief: { entry: sendListenStart, always: 'releasing' },
    /** The last syllable is still in a half-full frame; and a server that works off frames later than text must see it. */
    releasing: {
      after: { releaseTail: { target: '#thinking.silent', actions: 'sendListenStop' } },
      on: { 'talk.pressed': 'open' },
    },
  },
});
