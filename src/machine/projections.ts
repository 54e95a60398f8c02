import type { DeviceStatus } from '../core/device-status.ts';
import type { DeviceSnapshot } from './device-machine.ts';

/** `holding`: kept for a moment that may come; see Gate. */
export type GatePosition = 'closed' | 'holding' | 'open';

export interface AudioPaths {
  readonly uplink: GatePosition;
  readonly downlink: GatePosition;
  /**
   * `keep`: stay as you are. An open microphone stays open through a conversation, so that no syllable is lost. When nobody
   * talks it is closed, channel or not: it would cost a fifth of a conversation's CPU to throw away what it hears.
   */
  readonly microphone: 'open' | 'keep' | 'closed';
  readonly loudspeaker: 'open' | 'closed';
}

/** Which audio paths are open: a pure function of the state, so that nobody can forget to close one. */
export function audioPathsFor(snapshot: DeviceSnapshot): AudioPaths {
  const fullDuplex = snapshot.hasTag('duplex') && snapshot.context.listeningMode === 'realtime';
  return {
    uplink: uplinkPosition(snapshot, fullDuplex),
    downlink: downlinkPosition(snapshot),
    microphone: microphonePosition(snapshot, fullDuplex),
    loudspeaker: snapshot.hasTag('session') || snapshot.hasTag('downlink') ? 'open' : 'closed',
  };
}

function uplinkPosition(snapshot: DeviceSnapshot, fullDuplex: boolean): GatePosition {
  if (snapshot.hasTag('uplink') || fullDuplex) return 'open';
  return snapshot.hasTag('pre-roll') ? 'holding' : 'closed';
}

/** While a channel is open, audio that overtook its `tts start` waits a moment for it. */
function downlinkPosition(snapshot: DeviceSnapshot): GatePosition {
  if (snapshot.hasTag('downlink')) return 'open';
  return snapshot.hasTag('session') ? 'holding' : 'closed';
}

function microphonePosition(snapshot: DeviceSnapshot, fullDuplex: boolean): AudioPaths['microphone'] {
  if (snapshot.hasTag('microphone') || fullDuplex) return 'open';
  return snapshot.hasTag('session') && !snapshot.hasTag('idle') ? 'keep' : 'closed';
}

/** May the wake word's verdict count now? In a realtime session the person is heard anyway (firmware F53). */
export function wakeWordCounts(snapshot: DeviceSnapshot): boolean {
  return (
    snapshot.hasTag('wake-word') &&
    !(snapshot.hasTag('duplex') && snapshot.context.listeningMode === 'realtime')
  );
}

/** What a person is told. */
export function statusFor(snapshot: DeviceSnapshot): DeviceStatus {
  if (snapshot.matches({ provisioning: 'activating' })) return 'activating';
  if (snapshot.matches('provisioning') || snapshot.matches('rebooting') || snapshot.matches('stopped'))
    return 'starting';
  if (snapshot.matches({ online: { conversation: 'recovering' } })) return 'recovering';
  if (snapshot.matches({ online: { conversation: 'finishing' } })) return 'speaking';
  if (snapshot.matches({ online: { conversation: 'announcingLocally' } })) return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: { opening: 'toAnnounce' } } } }))
    return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: 'opening' } } })) return 'connecting';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'announcing' } } } }))
    return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'listening' } } } }))
    return 'listening';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'thinking' } } } }))
    return 'thinking';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'speaking' } } } }))
    return 'speaking';
  return 'idle';
}
