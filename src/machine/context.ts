import type { ClientError } from '../core/errors.ts';
import type { Mailbox } from '../mcp/announcements/mailbox.ts';
import type { AnnouncementPlan } from '../mcp/announcements/plan.ts';
import type { AnnouncementSettings } from '../mcp/announcements/settings.ts';
import type { ListeningMode, TextWay } from './events.ts';

/** An announcement on its way: what is told, how, and for the how-many-th time. */
export type Announcement = Extract<AnnouncementPlan, { kind: 'send' }> & {
  readonly attempt: number;
  /** Some of it has been played, perhaps too little to count as heard. */
  readonly sounded: boolean;
};

/** Everything about time and limits that the model needs to know; all in milliseconds. */
export interface DeviceSettings {
  /** Mode of a conversation begun by toggle or wake word (firmware B11). */
  readonly listeningMode: ListeningMode;
  /** How long the device must have been idle before it speaks up by itself. */
  readonly idleSettleMs: number;
  /** How long a question may stay unanswered, until the first sound of the answer. */
  readonly replyTimeoutMs: number;
  /** Longest silence within an answer. */
  readonly soundGapTimeoutMs: number;
  /** A conversation whose connection was away for longer is not taken up again by itself. */
  readonly resumeWithinMs: number;
  /** A server that asked to speak with `auto_listen` may open the microphone after it. */
  readonly serverMayListen: boolean;
  /** How long the end of a pressed talk key keeps the microphone open, so that the last syllable is not cut. */
  readonly releaseTailMs: number;
  /**
   * What the person's voice does to an answer in realtime mode: `interrupts` it · `softens` it while they speak, and the
   * server decides · `unheard`: without an echo canceller nobody can tell it from the device's own.
   */
  readonly voiceOverAnswer: 'interrupts' | 'softens' | 'unheard';
  /** In manual mode a turn also ends when the person falls silent. */
  readonly localEndpointing: boolean;
  /**
   * `uploaded`: what was heard before and with the wake word is sent ahead of it (firmware F50) · `unsent`: the word only
   * begins a conversation · `none`: nobody listens for it, so the microphone is closed while idle.
   */
  readonly wakeWord: 'uploaded' | 'unsent' | 'none';
  readonly recovery: {
    readonly firstDelayMs: number;
    readonly maxDelayMs: number;
    /** Tries to come back to a lost conversation before the device gives up and idles. */
    readonly attempts: number;
    /** A session that lasted this long clears the count of tries. */
    readonly healthyAfterMs: number;
  };
  readonly announcements: AnnouncementSettings;
  /** Items that may wait in the mailbox. */
  readonly mailboxCapacity: number;
  /** How a text reaches the server; several are tried in this order until one is answered. At least one. */
  readonly textWays: readonly TextWay[];
  /** 0–1, for jitter; injected so that tests are exact. */
  readonly random: () => number;
  /** Wall-clock time, for quiet hours. */
  readonly now: () => Date;
}

export interface DeviceContext {
  readonly settings: DeviceSettings;
  /**
   * Mode of the conversation; decides what follows an answer (firmware B11, B38). `auto` and `realtime` only while the
   * person is in a conversation that they began; else `manual`, in which nothing listens by itself.
   */
  readonly listeningMode: ListeningMode;
  readonly sessionId: string | undefined;
  /** Text turn that the server has not begun to answer; survives a lost connection. */
  readonly text: string | undefined;
  /** The person asked to talk while the device was still looking for its server: in this mode. */
  readonly wish: ListeningMode | undefined;
  readonly wakePhrase: string;
  readonly provisioningFailures: number;
  readonly recoveryAttempts: number;
  /** The OTA server has been asked because the chat server refused, and no session has been opened since. */
  readonly isRefreshed: boolean;
  readonly linkFailures: number;
  /** FIFO of results to announce; they leave only once they have been heard. */
  readonly mailbox: Mailbox;
  /** Failures to announce the head; drives the strategy and the back-off before the next try. */
  readonly announceAttempt: number;
  /** The microphone was lost while an answer is heard or awaited: told when that is over. */
  readonly microphoneLoss: ClientError | undefined;
  /** What is being announced now. */
  readonly announcement: Announcement | undefined;
  /** Ways to send a text that have not been tried for this one, the next first. */
  readonly textWays: readonly TextWay[];
  /** The way that the server has answered. */
  readonly knownTextWay: TextWay | undefined;
  /** How far this session's server has come with our tools, as far as a first text waits for it. */
  readonly introduction: 'none' | 'begun' | 'over';
  /** The list was read over the control link, which outlives sessions. */
  readonly listedOverLink: boolean;
  /** Calls of this session's server that have not been answered. */
  readonly openCalls: number;
}

/**
 * What the outside may ask a snapshot; names of states may change, these stay.
 * `idle`: neither side is talking, mail may be delivered. `uplink`, `downlink`: audio flows. `duplex`: in realtime mode the
 * uplink stays open too. `pre-roll`: the microphone's sound is kept for the moment the uplink opens; `wake-roll`: so is
 * what came before and with the wake word. `attentive`: within a conversation the person is listened for and what they say
 * is kept, though nothing is sent. `microphone`: it must be open. `session`: a channel is open or opening.
 * `wake-word`: the detector's verdict counts.
 */
export type DeviceTag =
  | 'idle'
  | 'uplink'
  | 'downlink'
  | 'duplex'
  | 'pre-roll'
  | 'wake-roll'
  | 'attentive'
  | 'microphone'
  | 'session'
  | 'wake-word';
