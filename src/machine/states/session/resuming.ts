import { deviceSetup } from '../../setup.ts';
import { rememberText } from './parts.ts';

/** A lost conversation is back: a short sound says that the person is heard again. */
export const resuming = deviceSetup.createStateConfig({
  id: 'resuming',
  tags: ['downlink', 'wake-word'],
  entry: 'playResumed',
  after: { resumedSound: '#listening' },
  on: {
    'playback.drained': '#listening',
    'talk.toggled': '#standby',
    'talk.pressed': { target: '#listening', actions: ['flushPlayback', 'useManualMode'] },
    'wake.detected': { target: '#listening', actions: ['flushPlayback', 'useDefaultMode'] },
    'text.submitted': { target: '#thinking.introducing', actions: ['flushPlayback', rememberText] },
    'tts.started': { target: '#speaking', actions: 'flushPlayback' },
  },
});
