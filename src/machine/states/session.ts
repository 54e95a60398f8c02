import type { ClientError } from '../../core/errors.ts';
import { announced, failAnnouncement } from '../announcing.ts';
import { deviceSetup } from '../setup.ts';
import { speakingUp } from './speaking-up.ts';

const abortForWake = { type: 'sendAbort', params: { reason: 'wake-word' } } as const;
const abortForUser = { type: 'sendAbort', params: { reason: 'user' } } as const;
const rememberText = {
  type: 'rememberText',
  params: ({ event }: { event: { text: string } }) => ({ text: event.text }),
} as const;
const reportError = {
  type: 'reportError',
  params: ({ event }: { event: { error: ClientError } }) => ({ error: event.error }),
} as const;

/** Idle with the channel kept open; the server may start to speak. */
const idle = deviceSetup.createStateConfig({
  id: 'idle',
  tags: ['idle', 'wake-word'],
  initial: 'settling',
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
    'text.submitted': { target: '#thinking.toText', actions: ['useManualMode', rememberText] },
    'tts.started': '#speaking',
    // Nobody is talking: the next conversation opens a new channel.
    'channel.failed': '#standby',
    // … and the server reads the tools with it.
    'tools.unread': { guard: 'isComparingToolLists', target: '#standby' },
  },
  states: speakingUp('#announcing'),
});

/** The server has been told of a finished task and is expected to speak of it. */
const announcing = deviceSetup.createStateConfig({
  id: 'announcing',
  tags: ['wake-word'],
  entry: [
    'useManualMode',
    'planAnnouncement',
    { type: 'sendAnnouncement', params: ({ context }) => ({ announcement: context.announcement }) },
  ],
  after: { replyTimeout: { target: '#idle', actions: failAnnouncement('no-reply') } },
  on: {
    'tts.started': { target: '#speaking', actions: announced },
    // What a server does that does not take such a text.
    'alert.received': { target: '#idle', actions: failAnnouncement('refused') },
    'talk.toggled': { target: '#listening', actions: [abortForUser, 'useDefaultMode'] },
    'talk.pressed': { target: '#listening', actions: [abortForUser, 'useManualMode'] },
    'wake.detected': { target: '#listening', actions: [abortForWake, 'useDefaultMode'] },
    'text.submitted': { target: '#thinking.toText', actions: rememberText },
    'channel.closed': { target: '#standby', actions: failAnnouncement('no-channel') },
    'channel.failed': { target: '#standby', actions: [reportError, ...failAnnouncement('no-channel')] },
  },
});

/** The person speaks. Who decides that they have finished depends on the mode (firmware B10). */
const listening = deviceSetup.createStateConfig({
  id: 'listening',
  tags: ['uplink', 'microphone'],
  initial: 'starting',
  on: {
    'tts.started': '#speaking',
    'text.submitted': { target: '#thinking.toText', actions: rememberText },
    'wake.detected': { target: '#listening', actions: [abortForWake, 'flushPlayback'] },
  },
  states: {
    starting: {
      entry: { type: 'sendListenStart', params: ({ context }) => ({ mode: context.listeningMode }) },
      always: 'open',
    },
    open: {
      on: {
        'talk.toggled': [{ guard: 'isManual', target: 'releasing' }, { target: '#standby' }],
        'talk.released': { guard: 'isManual', target: 'releasing' },
        'speech.ended': { guard: 'endsWithSpeech', target: 'releasing' },
        'stt.received': { guard: 'isAuto', target: '#thinking.attentive' },
      },
    },
    /** Key pressed and let go before the channel was open. */
    brief: {
      entry: { type: 'sendListenStart', params: ({ context }) => ({ mode: context.listeningMode }) },
      always: 'releasing',
    },
    /** The last syllable is still in a half-full frame; and a server that works off frames later than text must see it. */
    releasing: {
      after: { releaseTail: { target: '#thinking.silent', actions: 'sendListenStop' } },
      on: { 'talk.pressed': 'open' },
    },
  },
});

/** The question is asked, the answer not begun: idle on the wire, not in the conversation. */
const thinking = deviceSetup.createStateConfig({
  id: 'thinking',
  initial: 'silent',
  on: {
    'tts.started': '#speaking',
    'text.submitted': { target: '.toText', actions: [abortForUser, rememberText] },
    'wake.detected': { target: '#listening', actions: [abortForWake, 'useDefaultMode'] },
    'talk.pressed': { target: '#listening', actions: [abortForUser, 'useManualMode'] },
  },
  states: {
    /** The server decides when the person has finished, so it keeps hearing them (firmware B70). */
    attentive: {
      tags: ['uplink', 'microphone'],
      after: { replyTimeout: '#listening' },
      on: { 'talk.toggled': '#standby' },
    },
    toText: {
      entry: { type: 'sendText', params: ({ context }) => ({ text: context.text ?? '' }) },
      always: 'silent',
    },
    silent: {
      tags: ['wake-word'],
      after: { replyTimeout: { target: '#idle', actions: ['reportNoReply', 'forgetText'] } },
      on: { 'talk.toggled': { target: '#listening', actions: [abortForUser, 'useDefaultMode'] } },
    },
  },
});

/** The device speaks, from `tts start` until the last sample has been heard. In realtime mode the person still is. */
const speaking = deviceSetup.createStateConfig({
  id: 'speaking',
  tags: ['downlink', 'duplex', 'wake-word'],
  entry: ['forgetText', 'beginPlayback'],
  initial: 'playing',
  on: {
    'talk.toggled': { target: '#listening', actions: [abortForUser, 'flushPlayback', 'useDefaultMode'] },
    'talk.pressed': { target: '#listening', actions: [abortForUser, 'flushPlayback', 'useManualMode'] },
    'wake.detected': { target: '#listening', actions: [abortForWake, 'flushPlayback', 'useDefaultMode'] },
    'text.submitted': { target: '#thinking.toText', actions: [abortForUser, 'flushPlayback', rememberText] },
    // The person is being heard already: no new `listen/start` (firmware B35).
    'speech.started': [
      { guard: 'mayBargeIn', target: '#listening.open', actions: [abortForUser, 'flushPlayback'] },
      { actions: 'duckPlayback' },
    ],
    'speech.ended': { actions: 'unduckPlayback' },
    'channel.closed': '#finishing',
  },
  states: {
    playing: {
      initial: 'waiting',
      on: { 'tts.stopped': 'draining' },
      states: {
        waiting: {
          after: { stalledSpeech: { target: '#speaking.draining', actions: 'reportStalledSpeech' } },
          on: { 'playback.started': 'flowing' },
        },
        flowing: { on: { 'playback.starved': 'waiting' } },
      },
    },
    /** The tail of the answer plays out before the microphone opens (firmware B33). */
    draining: {
      entry: 'finishPlayback',
      after: { drainTimeout: 'done' },
      on: { 'tts.started': { target: 'playing', actions: 'beginPlayback' }, 'playback.drained': 'done' },
    },
    done: {
      always: [
        { guard: 'isManual', target: '#idle' },
        { guard: 'isRealtime', target: '#listening.open' },
        { target: '#listening' },
      ],
    },
  },
});

/** A channel is open. Having lasted a while, it clears the count of recoveries. */
export const session = deviceSetup.createStateConfig({
  id: 'session',
  initial: 'idle',
  after: { healthyPeriod: { actions: 'forgetRecoveries' } },
  on: { 'speech.requested': { actions: 'sendSpeakReady' } },
  states: { idle, announcing, listening, thinking, speaking },
});
