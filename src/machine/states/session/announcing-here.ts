import { onHeard } from '../../announcing.ts';
import { deviceSetup } from '../../setup.ts';
import { playNotice } from '../announcing-locally.ts';
import { afterAnnouncement, conversationLost, rememberText } from './parts.ts';

/** The same as `announcingLocally`, over an open channel, which the conversation goes on with. */
export const announcingHere = deviceSetup.createStateConfig({
  id: 'announcingHere',
  tags: ['downlink', 'duplex', 'wake-word'],
  entry: playNotice,
  after: { localNotice: afterAnnouncement },
  on: {
    'talk.toggled': { target: '#listening', actions: ['flushPlayback', 'useDefaultMode'] },
    'talk.pressed': { target: '#listening', actions: ['flushPlayback', 'useManualMode'] },
    'wake.detected': { target: '#listening', actions: ['flushPlayback', 'useDefaultMode'] },
    'text.submitted': { target: '#thinking.introducing', actions: ['flushPlayback', rememberText] },
    'speech.started': { guard: 'mayBargeIn', target: '#listening', actions: 'flushPlayback' },
    'tts.started': { target: '#speaking', actions: 'flushPlayback' },
    'playback.started': { actions: 'noteSounded' },
    'playback.heard': onHeard,
    'playback.drained': afterAnnouncement,
    'channel.failed': conversationLost,
  },
});
