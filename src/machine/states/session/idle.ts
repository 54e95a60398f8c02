import { settleAnnouncement } from '../../announcing.ts';
import { deviceSetup } from '../../setup.ts';
import { speakingUp } from '../speaking-up.ts';
import { conversationLost, rememberText, tellMicrophoneLoss } from './parts.ts';

const speakUp = [
  { guard: 'announcesLocally', target: '#announcingHere' },
  { guard: 'mayTell', target: '#announcing' },
  { target: '#listening' },
] as const;

/**
 * Nobody talks, and the channel is kept open; the server may start to speak. Mail is told from here: after a while, or, in a
 * `pausing` conversation, at once, after which the conversation goes on.
 */
export const idle = deviceSetup.createStateConfig({
  id: 'idle',
  entry: settleAnnouncement,
  initial: 'settling',
  always: { guard: 'microphoneIsLost', actions: tellMicrophoneLoss },
  on: {
    'talk.toggled': { target: '#listening', actions: 'useDefaultMode' },
    'talk.pressed': { target: '#listening', actions: 'useManualMode' },
    'wake.detected': [
      {
        guard: 'uploadsWakeWord',
        target: '#listening',
        actions: ['useDefaultMode', { type: 'sendWake', params: ({ event }) => ({ phrase: event.phrase }) }],
      },
      { target: '#listening', actions: 'useDefaultMode' },
    ],
    'text.submitted': { target: '#thinking.introducing', actions: ['useManualMode', rememberText] },
    'tts.started': '#speaking',
    'tts.sentence': { guard: 'isNoOldAnswer', target: '#speaking' },
    // Nobody is talking: the next conversation opens a new channel.
    'channel.failed': '#standby',
    // … and the server reads the tools with it.
    'tools.unread': { guard: 'isComparingToolLists', target: '#standby' },
  },
  states: {
    ...speakingUp('#announcing', '#announcingHere'),
    /** A moment of idle within a conversation, because there is mail. A person who begins to speak comes first. */
    pausing: {
      tags: ['attentive', 'duplex', 'wake-word'],
      initial: 'afterAnswer',
      on: {
        'speech.started': '#listening',
        'text.submitted': { target: '#thinking.introducing', actions: rememberText },
        'channel.failed': conversationLost,
        'tools.unread': {},
      },
      states: {
        afterAnswer: { after: { answerPause: speakUp } },
        inSilence: { after: { silencePause: speakUp } },
      },
    },
  },
});
