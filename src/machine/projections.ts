import type { DeviceStatus } from '../core/device-status.ts';
import type { DeviceSnapshot } from './device-machine.ts';

/** See Gate. */
export type GatePosition = 'closed' | 'remembering' | 'holding' | 'open';

export interface AudioPaths {
  readonly uplink: GatePosition;
  readonly downlink: Exclude<GatePosition, 'remembering'>;
  /**
   * `keep`: stay as you are. An open microphone stays open through a conversation, so that no syllable is lost. When nobody
   * talks it is closed, channel or not, unless a wake word is waited for: it would cost a fifth of a conversation's CPU to
   * throw away what it hears.
   */
  readonly microphone: 'open' | 'keep' | 'closed';
  readonly loudspeaker: 'open' | 'closed';
  /** What is listened for in the microphone's sound: anybody's voice, one that is not the device's own, or none. */
  readonly voice: 'none' | 'speech' | 'barge-in';
  readonly wakeWord: boolean;
}

/** Which audio paths are open: a pure function of the state, so that nobody can forget to close one. */
export function audioPathsFor(snapshot: DeviceSnapshot): AudioPaths {
  const fullDuplex = snapshot.hasTag('duplex') && snapshot.context.listeningMode === 'realtime';
  return {
    uplink: uplinkPosition(snapshot, fullDuplex),
    downlink: downlinkPosition(snapshot),
    microphone: microphonePosition(snapshot, fullDuplex),
    loudspeaker: snapshot.hasTag('session') || snapshot.hasTag('downlink') ? 'open' : 'closed',
    voice: voiceListenedFor(snapshot, fullDuplex),
    wakeWord: listensForWakeWord(snapshot),
  };
}

function voiceListenedFor(snapshot: DeviceSnapshot, fullDuplex: boolean): AudioPaths['voice'] {
  if (snapshot.hasTag('uplink')) return 'speech';
  // Nothing sounds yet, so it can be nobody else's.
  if (isAttentive(snapshot) && !(snapshot.hasTag('downlink') && fullDuplex)) return 'speech';
  return fullDuplex && snapshot.context.settings.voiceOverAnswer !== 'unheard' ? 'barge-in' : 'none';
}

/** Within a conversation the person may begin to speak before a notice does. */
function isAttentive(snapshot: DeviceSnapshot): boolean {
  return snapshot.hasTag('attentive') && snapshot.context.listeningMode !== 'manual';
}

function uplinkPosition(snapshot: DeviceSnapshot, fullDuplex: boolean): GatePosition {
  if (snapshot.hasTag('uplink') || fullDuplex) return 'open';
  if (snapshot.hasTag('pre-roll') || isAttentive(snapshot)) return 'holding';
  return remembersForWakeWord(snapshot) ? 'remembering' : 'closed';
}

/** What comes before and with the wake word is kept in case it comes; nothing of it is sent for any other reason. */
function remembersForWakeWord(snapshot: DeviceSnapshot): boolean {
  if (snapshot.hasTag('wake-roll')) return true;
  return snapshot.hasTag('idle') && snapshot.context.settings.wakeWord === 'uploaded';
}

/** While a channel is open, audio that overtook its `tts start` waits a moment for it. */
function downlinkPosition(snapshot: DeviceSnapshot): AudioPaths['downlink'] {
  if (snapshot.hasTag('downlink')) return 'open';
  return snapshot.hasTag('session') ? 'holding' : 'closed';
}

function microphonePosition(snapshot: DeviceSnapshot, fullDuplex: boolean): AudioPaths['microphone'] {
  if (snapshot.hasTag('microphone') || fullDuplex || isAttentive(snapshot) || listensForWakeWord(snapshot))
    return 'open';
  return snapshot.hasTag('session') && !snapshot.hasTag('idle') ? 'keep' : 'closed';
}

/**
 * Is the wake word listened for now? In a realtime session the person is heard anyway (firmware F53). A conversation begun
 * by it ends the tag, which disarms the detector until the next state that has it (F51).
 */
function listensForWakeWord(snapshot: DeviceSnapshot): boolean {
  return (
    snapshot.context.settings.wakeWord !== 'none' &&
    snapshot.hasTag('wake-word') &&
    !(snapshot.hasTag('duplex') && snapshot.context.listeningMode === 'realtime')
  );
}

/** Idle for a moment within a conversation: what waited is told, then the conversation goes on. */
export function isPausing(snapshot: DeviceSnapshot): boolean {
  return snapshot.matches({
    online: { conversation: { connected: { session: { idle: 'pausing' } } } },
  });
}

/**
 * Nobody talks, or within a conversation nobody has for a while: a good moment to change what the server knows of our tools.
 */
export function isQuiet(snapshot: DeviceSnapshot): boolean {
  return (
    snapshot.hasTag('idle') ||
    snapshot.matches({
      online: { conversation: { connected: { session: { listening: { open: 'silent' } } } } },
    })
  );
}

/** What a person is told. */
export function statusFor(snapshot: DeviceSnapshot): DeviceStatus {
  if (snapshot.matches({ provisioning: 'activating' })) return 'activating';
  if (snapshot.matches('provisioning') || snapshot.matches('rebooting') || snapshot.matches('stopped'))
    return 'starting';
  if (snapshot.matches({ online: { conversation: 'recovering' } })) return 'recovering';
  if (snapshot.matches({ online: { conversation: { connected: { opening: 'toResume' } } } }))
    return 'recovering';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'resuming' } } } }))
    return 'recovering';
  if (snapshot.matches({ online: { conversation: 'finishing' } })) return 'speaking';
  if (snapshot.matches({ online: { conversation: 'announcingLocally' } })) return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: { opening: 'toAnnounce' } } } }))
    return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: 'opening' } } })) return 'connecting';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'announcing' } } } }))
    return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'announcingHere' } } } }))
    return 'announcing';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'listening' } } } }))
    return 'listening';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'thinking' } } } }))
    return 'thinking';
  if (snapshot.matches({ online: { conversation: { connected: { session: 'speaking' } } } }))
    return 'speaking';
  return 'idle';
}
