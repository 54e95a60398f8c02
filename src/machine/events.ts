import type { ClientError } from '../core/errors.ts';
import type { TaskMail } from '../mcp/announcements/mail.ts';

/** Who decides that the person has finished speaking: the server, a button, or nobody (full duplex). Firmware B10. */
export type ListeningMode = 'auto' | 'manual' | 'realtime';

/**
 * How a text goes to the server: as a detected wake word, which most servers take · `{"type":"listen","state":"text"}` ·
 * `{"type":"text"}`.
 */
export type TextWay = 'detect' | 'listen-text' | 'text';

/** Outcome of asking the OTA server. `failed` carries whether an earlier answer lets the device start all the same. */
export type ProvisioningResult =
  | { readonly kind: 'ready' }
  | { readonly kind: 'activation'; readonly code: string; readonly message: string }
  | { readonly kind: 'failed'; readonly error: ClientError; readonly canUseLastAnswer: boolean };

export type UserEvent =
  | { readonly type: 'talk.toggled' }
  | { readonly type: 'talk.pressed' }
  | { readonly type: 'talk.released' }
  | { readonly type: 'wake.detected'; readonly phrase: string }
  | { readonly type: 'text.submitted'; readonly text: string }
  /** Whatever the device says or is about to say is not wanted. */
  | { readonly type: 'interrupt.requested' }
  | { readonly type: 'hangup.requested' }
  /** For conversations that begin from now on. */
  | { readonly type: 'mode.chosen'; readonly mode: ListeningMode };

export type ChannelEvent =
  | { readonly type: 'channel.opened'; readonly sessionId: string }
  /** Somebody hung up; nothing is wrong. */
  | { readonly type: 'channel.closed' }
  /** Never opened, or lost. */
  | { readonly type: 'channel.failed'; readonly error: ClientError };

/** The connection for control messages that outlives conversations. */
export type LinkEvent =
  | { readonly type: 'link.up' }
  | { readonly type: 'link.failed'; readonly error: ClientError }
  | { readonly type: 'link.unneeded' }
  /** The OTA server has named another server, or another road to it: a link to the one before is of no use. */
  | { readonly type: 'road.changed' }
  /** The server has read the list of tools over the link: it knows it in every session. */
  | { readonly type: 'link.listed' };

export type ServerEvent =
  | { readonly type: 'tts.started' }
  /** The next sentence of an answer; some servers begin an answer with it. */
  | { readonly type: 'tts.sentence' }
  | { readonly type: 'tts.stopped' }
  | { readonly type: 'stt.received' }
  | { readonly type: 'alert.received' }
  /** A server wants to speak without having been asked (servers.md 5.2). */
  | { readonly type: 'speech.requested'; readonly listenAfter: boolean }
  | { readonly type: 'reboot.requested' }
  | ToolUseEvent;

/** What a session's server does with the tools of this device. */
export type ToolUseEvent =
  /** It has said `initialize` and will ask for the list. */
  | { readonly type: 'tools.introduced' }
  /** It has read the last page of the list. */
  | { readonly type: 'tools.listed' }
  /** A call has come that has not been answered. */
  | { readonly type: 'call.started' }
  | { readonly type: 'call.ended' };

export type PlaybackEvent =
  | { readonly type: 'playback.started' }
  /** Nothing left to play although the server has not said that it has finished. */
  | { readonly type: 'playback.starved' }
  /** So much of an answer has been played that it counts as heard; once per answer. */
  | { readonly type: 'playback.heard' }
  /** The last sample of a finished answer has been heard. */
  | { readonly type: 'playback.drained' };

/** Edges of a voice at the microphone; while the device speaks, only of a voice that is surely not its own. */
export type VoiceEvent = { readonly type: 'speech.started' } | { readonly type: 'speech.ended' };

/** Raised by the machine itself. */
export type OwnEvent = { readonly type: 'answer.aborted' };

export type HardwareEvent =
  | { readonly type: 'microphone.failed'; readonly error: ClientError }
  /** Another network, or one at last, or the computer has slept: what waits for its next try tries now. */
  | { readonly type: 'network.changed' };

export type ToolEvent =
  /** A finished task whose result the person has not heard yet. */
  | { readonly type: 'tool.completed'; readonly mail: TaskMail }
  /** These results need not be told any more. */
  | { readonly type: 'mail.withdrawn'; readonly taskIds: readonly string[] };

/** What servers know of our tools. */
export type ToolListEvent =
  | { readonly type: 'tools.changed' }
  /** Every server has read the list of now, or none yet. */
  | { readonly type: 'tools.read' }
  | { readonly type: 'tools.unread' };

export type DeviceEvent =
  | UserEvent
  | ChannelEvent
  | LinkEvent
  | ServerEvent
  | PlaybackEvent
  | VoiceEvent
  | HardwareEvent
  | ToolEvent
  | ToolListEvent
  | OwnEvent;
