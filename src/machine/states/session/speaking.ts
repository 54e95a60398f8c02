import { onHeard } from '../../announcing.ts';
import { deviceSetup } from '../../setup.ts';
import { abortForUser, abortForWake, afterInterruption, rememberText } from './parts.ts';

/** The device speaks, from `tts start` until the last sample has been heard. In realtime mode the person still is. */
export const speaking = deviceSetup.createStateConfig({
  id: 'speaking',
  tags: ['downlink', 'duplex', 'wake-word'],
  entry: 'forgetText',
  initial: 'starting',
  on: {
    'talk.toggled': { target: '#listening', actions: [...abortForUser, 'flushPlayback', 'useDefaultMode'] },
    'talk.pressed': { target: '#listening', actions: [...abortForUser, 'flushPlayback', 'useManualMode'] },
    'wake.detected': { target: '#listening', actions: [...abortForWake, 'flushPlayback', 'useDefaultMode'] },
    'text.submitted': {
      target: '#thinking.introducing',
      actions: [...abortForUser, 'flushPlayback', rememberText],
    },
    // The person is being heard already: no new `listen/start` (firmware B35).
    'speech.started': [
      { guard: 'mayBargeIn', target: '#listening.open', actions: [...abortForUser, 'flushPlayback'] },
      { actions: 'duckPlayback' },
    ],
    'interrupt.requested': afterInterruption,
    'speech.ended': { actions: 'unduckPlayback' },
    'playback.heard': onHeard,
    'channel.closed': '#finishing',
  },
  states: {
    starting: { entry: 'beginPlayback', always: 'playing' },
    playing: {
      initial: 'unheard',
      on: { 'tts.stopped': { target: 'draining' } },
      states: {
        /** The model may take its time before the first sound, and so may a tool of this device. */
        unheard: {
          after: {
            replyTimeout: [
              { guard: 'callIsOpen', target: 'unheard', reenter: true },
              { target: '#speaking.draining', actions: 'reportStalledSpeech' },
            ],
          },
          on: {
            'call.ended': { target: 'unheard', reenter: true, actions: 'uncountCall' },
            'playback.started': 'flowing',
            // Nothing was said: there are no last words to hear.
            'channel.closed': '#standby',
          },
        },
        flowing: { on: { 'playback.starved': 'waiting' } },
        waiting: {
          after: {
            stalledSpeech: [
              { guard: 'callIsOpen', target: 'waiting', reenter: true },
              { target: '#speaking.draining', actions: 'reportStalledSpeech' },
            ],
          },
          on: {
            'call.ended': { target: 'waiting', reenter: true, actions: 'uncountCall' },
            'playback.started': 'flowing',
          },
        },
      },
    },
    /** The tail of the answer plays out before the microphone opens (firmware B33). */
    draining: {
      entry: 'finishPlayback',
      after: { drainTimeout: 'done' },
      on: { 'tts.started': 'starting', 'playback.drained': 'done' },
    },
    done: {
      always: [
        { guard: 'microphoneIsLost', target: '#standby' },
        { guard: 'inManualMode', target: '#idle' },
        { guard: 'voiceGoesOn', target: '#listening.open' },
        { guard: 'voiceIsHeard', target: '#listening' },
        { guard: 'mayTellAtOnce', target: '#idle.pausing' },
        { guard: 'listensOn', target: '#listening.open' },
        { target: '#listening' },
      ],
    },
  },
});
