import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type { DeviceSettings } from '../../src/machine/context.ts';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent, ListeningMode, ProvisioningResult } from '../../src/machine/events.ts';

export type Snapshot = SnapshotFrom<typeof deviceMachine>;

export const settings = (listeningMode: ListeningMode = 'auto'): DeviceSettings => ({
  listeningMode,
  idleSettleMs: 800,
  replyTimeoutMs: 20_000,
  soundGapTimeoutMs: 20_000,
  resumeWithinMs: 5_000,
  serverMayListen: false,
  textWays: ['detect'],
  releaseTailMs: 100,
  voiceOverAnswer: 'interrupts',
  localEndpointing: false,
  wakeWord: 'uploaded',
  recovery: { firstDelayMs: 1_000, maxDelayMs: 60_000, attempts: 5, healthyAfterMs: 60_000 },
  announcements: {
    strategies: ['detect', 'detect-cue', 'local'],
    triesPerStrategy: 2,
    language: 'en',
    maxSpokenCharacters: 300,
    maxCueCharacters: 80,
    firstRetryMs: 1_600,
    maxRetryMs: 60_000,
    quietMs: 3_000,
  },
  mailboxCapacity: 32,
  random: () => 0.5,
  now: () => new Date(2026, 0, 1, 12),
});

/** What the OTA actor says when it is done. */
export const provisioned = (output: ProvisioningResult = { kind: 'ready' }): DeviceEvent =>
  ({ type: 'xstate.done.actor.0.device.provisioning.checking', output }) as unknown as DeviceEvent;

export const elapsed = (delay: string, stateId: string): DeviceEvent =>
  ({ type: `xstate.after.${delay}.${stateId}` }) as unknown as DeviceEvent;

export const opened: DeviceEvent = { type: 'channel.opened', sessionId: 's1' };
export const toggled: DeviceEvent = { type: 'talk.toggled' };
export const lost: DeviceEvent = {
  type: 'channel.failed',
  error: new ClientError(ErrorCode.transportClosed, 'lost', { retryable: true }),
};
export const refused: DeviceEvent = {
  type: 'channel.failed',
  error: new ClientError(ErrorCode.transportRefused, 'refused'),
};
export const completed = (taskId: string): DeviceEvent => ({
  type: 'tool.completed',
  mail: { taskId, tool: 'timer', outcome: 'done', text: 'tea' },
});

export interface Played {
  readonly snapshot: Snapshot;
  /** Names of the effects of the last event, in order. */
  readonly effects: readonly string[];
  readonly actions: readonly { readonly type: string; readonly params?: unknown }[];
}

/** Runs the pure model, without an actor or a clock, from a device that is provisioned. */
export function play(events: readonly DeviceEvent[], mode: ListeningMode = 'auto'): Played {
  return playFrom(initialTransition(deviceMachine, settings(mode))[0], [provisioned(), ...events]);
}

export function playFrom(start: Snapshot, events: readonly DeviceEvent[]): Played {
  let snapshot = start;
  let actions: readonly { type: string; params?: unknown }[] = [];
  for (const event of events) [snapshot, actions] = transition(deviceMachine, snapshot, event);
  const ours = actions.filter(({ type }) => !type.startsWith('xstate.'));
  return { snapshot, actions: ours, effects: ours.map(({ type }) => type) };
}
