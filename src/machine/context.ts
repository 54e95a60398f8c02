import type { ListeningMode, ToolCompletion } from './events.ts';

/** Everything about time and limits that the model needs to know; all in milliseconds. */
export interface DeviceSettings {
  /** Mode of a conversation begun by toggle or wake word (firmware B11). */
  readonly listeningMode: ListeningMode;
  /** How long the device must have been idle before it speaks up by itself. */
  readonly idleSettleMs: number;
  /** How long a question may stay unanswered. */
  readonly replyTimeoutMs: number;
  /** How long the end of a pressed talk key keeps the microphone open, so that the last syllable is not cut. */
  readonly releaseTailMs: number;
  readonly recovery: {
    readonly firstDelayMs: number;
    readonly maxDelayMs: number;
    /** Tries to come back to a lost conversation before the device gives up and idles. */
    readonly attempts: number;
    /** A session that lasted this long clears the count of tries. */
    readonly healthyAfterMs: number;
  };
  /** 0–1, for jitter; injected so that tests are exact. */
  readonly random: () => number;
}

export interface DeviceContext {
  readonly settings: DeviceSettings;
  /** Mode of the current or last conversation; decides what follows an answer (firmware B11, B38). */
  readonly listeningMode: ListeningMode;
  readonly sessionId: string | undefined;
  /** Text turn that the server has not begun to answer; survives a lost connection. */
  readonly text: string | undefined;
  readonly wakePhrase: string;
  readonly provisioningFailures: number;
  readonly recoveryAttempts: number;
  /** FIFO of results to announce; the head leaves only once the server has started to speak it. */
  readonly mailbox: readonly ToolCompletion[];
  /** Failed announcements of the head; drives the back-off before the next try. */
  readonly announceAttempts: number;
}

/**
 * What the outside may ask a snapshot; names of states may change, these stay.
 * `idle`: neither side is talking, mail may be delivered. `uplink`, `downlink`: audio flows. `duplex`: in realtime mode the
 * uplink stays open too. `pre-roll`: the microphone's
 * sound is kept for the moment the uplink opens. `microphone`: it must be open. `session`: a channel is open or opening.
 * `wake-word`: the detector's verdict counts.
 */
export type DeviceTag =
  | 'idle'
  | 'uplink'
  | 'downlink'
  | 'duplex'
  | 'pre-roll'
  | 'microphone'
  | 'session'
  | 'wake-word';
