import type { DeviceStatus } from '../core/device-status.ts';
import type { ClientError } from '../core/errors.ts';

export type { DeviceStatus };

export interface AudioCounters {
  readonly uplink: {
    readonly captured: number;
    readonly encoded: number;
    readonly sent: number;
    readonly dropped: number;
  };
  readonly downlink: {
    readonly received: number;
    readonly decoded: number;
    readonly concealed: number;
    readonly late: number;
    readonly dropped: number;
    readonly played: number;
    readonly underruns: number;
    /** Packets that were not taken, by reason: `replay`, `wrong-length` …; empty where all was well. */
    readonly rejected: Readonly<Record<string, number>>;
  };
  readonly jitterDelayMs: number;
}

/** All that the device tells the outside, in the vocabulary of the event stream (`--events`). */
export type StatusEvent =
  /** `pausing`: idle for a moment within a conversation, which goes on after something has been told. */
  | {
      readonly type: 'state';
      readonly from: DeviceStatus;
      readonly to: DeviceStatus;
      readonly cause: string;
      readonly pausing?: boolean;
    }
  | { readonly type: 'activation'; readonly code: string; readonly message: string }
  | {
      readonly type: 'session';
      readonly id: string;
      readonly transport: 'websocket' | 'mqtt';
      readonly server: { readonly sampleRateHz: number; readonly frameDurationMs: number };
    }
  | { readonly type: 'stt'; readonly text: string }
  | { readonly type: 'tts'; readonly state: 'start' | 'sentence' | 'stop'; readonly text?: string }
  | { readonly type: 'llm'; readonly emotion: string; readonly text?: string }
  | { readonly type: 'alert'; readonly status: string; readonly message: string; readonly emotion: string }
  | { readonly type: 'playback'; readonly phase: 'started' | 'drained' | 'flushed' }
  | { readonly type: 'turn'; readonly n: number; readonly phase: 'started' | 'finished' }
  /** A voice at the microphone; not told while nobody listens. */
  | { readonly type: 'speech'; readonly phase: 'started' | 'ended' }
  | { readonly type: 'wake'; readonly phrase: string }
  | ({ readonly type: 'audio' } & AudioCounters)
  | {
      readonly type: 'tool';
      readonly phase: 'called' | 'replied' | 'handed-over' | 'completed' | 'failed' | 'cancelled';
      readonly name: string;
      readonly mode: 'sync' | 'async' | 'background';
      readonly channel: string;
      readonly task?: string;
      readonly ms?: number;
    }
  /** The list of tools has changed; `tool.held`: not offered before somebody has approved what it says of itself. */
  | {
      readonly type: 'tool.installed' | 'tool.updated' | 'tool.removed' | 'tool.held';
      readonly name: string;
      readonly source: 'builtin' | 'custom' | 'mounted';
      readonly group: string;
    }
  | {
      readonly type: 'announcement';
      readonly task: string;
      readonly phase: 'queued' | 'sent' | 'spoken' | 'failed' | 'expired';
      readonly strategy?: string;
      readonly attempt?: number;
    }
  /** The server offers a newer firmware than what this device says it has; once per version. */
  | { readonly type: 'upgrade'; readonly version: string }
  /** Somebody has switched the microphone or the loudspeaker off, or on again; also at a start with one that is off. */
  | { readonly type: 'mute'; readonly what: 'microphone' | 'loudspeaker'; readonly muted: boolean }
  /** `reason`: why it ended, where nobody stopped it. */
  | {
      readonly type: 'recording';
      readonly id: string;
      readonly phase: 'started' | 'stopped' | 'failed';
      readonly source: 'microphone' | 'system';
      readonly file: string;
      readonly seconds: number;
      readonly reason?: string;
    }
  /** A connection that we dial for others: `access-point:home`, `tunnel`. */
  | {
      readonly type: 'link';
      readonly channel: string;
      readonly state: 'connecting' | 'connected' | 'waiting' | 'refused' | 'stopped';
      /** Tunnels, once the other end has said so. */
      readonly approvedTools?: number;
    }
  | { readonly type: 'error'; readonly code: string; readonly message: string; readonly retryable: boolean };

/** A screen, a lamp, a log of events: anything that shows what the device does. Must not throw. */
export interface StatusDisplay {
  show(event: StatusEvent): void;
}

/** An event as a line of the event stream, without the line end. `t`: ms since the start; `lost`: events before it that the reader did not get. */
export function eventLine({ type, ...fields }: StatusEvent, t: number, lost = 0): string {
  return JSON.stringify({ t, type, ...fields, ...(lost > 0 && { dropped: lost }) });
}

export function errorEvent({ code, message, retryable }: ClientError): StatusEvent {
  return { type: 'error', code, message, retryable };
}
