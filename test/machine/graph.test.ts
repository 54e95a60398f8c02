import { describe, expect, test } from 'vitest';
import { getAdjacencyMap } from 'xstate/graph';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent, ListeningMode } from '../../src/machine/events.ts';
import { audioPathsFor, statusFor } from '../../src/machine/projections.ts';
import { completed, lost, opened, provisioned, refused, type Snapshot, settings } from './play.ts';

/** Every event there is, and every delay in every state that has it. */
const delayed = (): DeviceEvent[] => {
  const events: DeviceEvent[] = [];
  const visit = (node: (typeof deviceMachine)['root']): void => {
    for (const transition of node.after) events.push({ type: transition.eventType } as never);
    for (const child of Object.values(node.states)) visit(child as never);
  };
  visit(deviceMachine.root);
  return events;
};

const events: DeviceEvent[] = [
  { type: 'wake.detected', phrase: 'hi' },
  { type: 'talk.toggled' },
  { type: 'talk.pressed' },
  { type: 'talk.released' },
  { type: 'text.submitted', text: 'x' },
  opened,
  { type: 'channel.closed' },
  { type: 'link.up' },
  { type: 'link.unneeded' },
  { type: 'speech.requested', listenAfter: false },
  lost,
  refused,
  { type: 'speech.started' },
  { type: 'speech.ended' },
  { type: 'tts.started' },
  { type: 'tts.stopped' },
  { type: 'stt.received' },
  { type: 'playback.started' },
  { type: 'playback.starved' },
  { type: 'playback.drained' },
  completed('a'),
  provisioned(),
  {
    type: 'xstate.done.actor.0.device.online.conversation.recovering.refreshing',
    output: { kind: 'ready' },
  } as never,
  ...delayed(),
];

/** What tells two configurations apart; counters are cut so that the graph stays finite. */
const serializeState = (snapshot: Snapshot): string => {
  const { mailbox, listeningMode, text, recoveryAttempts, announceAttempt } = snapshot.context;
  return JSON.stringify([
    snapshot.value,
    mailbox.length,
    listeningMode,
    text !== undefined,
    Math.min(recoveryAttempts, 2),
    Math.min(announceAttempt, 1),
  ]);
};

describe.each(['auto', 'manual', 'realtime'] as const)(
  'every reachable state (%s)',
  (mode: ListeningMode) => {
    const options = { input: settings(mode), events, limit: 100_000, serializeState } as never;
    const map = Object.values(
      getAdjacencyMap(deviceMachine, options) as unknown as Record<
        string,
        { state: Snapshot; transitions: Record<string, { event: DeviceEvent; state: Snapshot }> }
      >,
    );
    const name = (snapshot: Snapshot) => JSON.stringify(snapshot.value);
    const running = map.filter(({ state }) => state.status === 'active');

    test('there are some, and none is an error', () => {
      expect(map.length).toBeGreaterThan(40);
      expect(map.filter(({ state }) => state.status === 'error')).toEqual([]);
    });

    test('microphone and loudspeaker are open together only in realtime', () => {
      const both = running.filter(({ state }) => {
        const { uplink, downlink } = audioPathsFor(state);
        return uplink === 'open' && downlink === 'open';
      });
      expect([...new Set(both.map(({ state }) => state.context.listeningMode))]).toEqual(
        mode === 'realtime' ? ['realtime'] : [],
      );
    });

    test('audio goes up only over an open channel, and never while idle', () => {
      const wrong = running.filter(({ state }) => {
        const { uplink, microphone } = audioPathsFor(state);
        return (
          ['open', 'holding'].includes(uplink) &&
          (!state.hasTag('session') || state.hasTag('idle') || microphone !== 'open')
        );
      });
      expect(wrong.map(({ state }) => name(state))).toEqual([]);
    });

    test('nobody listens while idle unless there is a wake word to listen for', () => {
      const openIn = (wakeWord: 'none' | 'uploaded' | 'unsent') =>
        running.filter(({ state }) => {
          const context = { ...state.context, settings: { ...state.context.settings, wakeWord } };
          const { uplink, microphone } = audioPathsFor({ ...state, context } as Snapshot);
          return state.hasTag('idle') && (uplink !== 'closed' || microphone !== 'closed');
        }).length;
      const idle = running.filter(({ state }) => state.hasTag('idle')).length;
      expect([openIn('none'), openIn('unsent'), openIn('uploaded')]).toEqual([0, idle, idle]);
    });

    test('an announcement begins only from idle', () => {
      const origins = running.flatMap(({ state, transitions }) =>
        Object.values(transitions)
          .filter(({ state: next }) => statusFor(next) === 'announcing' && statusFor(state) !== 'announcing')
          .map(() => statusFor(state)),
      );
      expect([...new Set(origins)]).toEqual(['idle']);
    });

    test('mail leaves only when the server begins to speak it', () => {
      const losses = running.flatMap(({ state, transitions }) =>
        Object.values(transitions)
          .filter(({ state: next }) => next.context.mailbox.length < state.context.mailbox.length)
          .map(({ event }) => [statusFor(state), event.type]),
      );
      expect([...new Set(losses.map((loss) => loss.join()))]).toEqual(['announcing,tts.started']);
    });

    test('the wake word gets through wherever it counts', () => {
      const deaf = running.filter(
        ({ state }) => state.hasTag('wake-word') && !state.can({ type: 'wake.detected', phrase: 'hi' }),
      );
      expect(deaf.map(({ state }) => name(state))).toEqual([]);
    });

    test('every state leads back to idle', () => {
      // Backwards from idle, as long as something new leads there.
      const leadsBack = new Set(
        map.filter(({ state }) => state.hasTag('idle')).map(({ state }) => serializeState(state)),
      );
      for (let before = -1; before !== leadsBack.size; ) {
        before = leadsBack.size;
        for (const { state, transitions } of map) {
          const next = Object.values(transitions).map(({ state: next }) => serializeState(next));
          if (next.some((key) => leadsBack.has(key))) leadsBack.add(serializeState(state));
        }
      }
      const stuck = running.filter(
        ({ state }) => !leadsBack.has(serializeState(state)) && !state.matches('rebooting'),
      );
      expect(stuck.map(({ state }) => name(state))).toEqual([]);
    });

    test('no state waits for ever on the server: each has a clock, an idle tag or the person in it', () => {
      const endless = running.filter(({ state }) => {
        const waits = state._nodes.some((node) => node.after.length > 0 && node.id !== 'session');
        const person =
          ['listening', 'idle'].includes(statusFor(state)) || state.matches({ provisioning: 'stuck' });
        const playing = state.matches({
          online: { conversation: { connected: { session: { speaking: { playing: 'flowing' } } } } },
        });
        const invoked = state._nodes.some((node) => node.invoke.length > 0);
        return !waits && !person && !playing && !invoked && !state.matches('rebooting');
      });
      expect(endless.map(({ state }) => name(state))).toEqual([]);
    });
  },
);

/** The regions side by side multiply: what the list of tools may do is looked for where the link and mail stand still. */
test('a server is met anew for its list of tools only while nobody talks', () => {
  const still = new Set(['tool.completed', 'link.up', 'channel.failed', 'speech.requested']);
  const options = {
    input: settings('realtime'),
    events: [
      ...events.filter(({ type }) => !still.has(type)),
      { type: 'tools.changed' },
      { type: 'tools.read' },
      { type: 'tools.unread' },
    ],
    limit: 100_000,
    serializeState,
  } as never;
  const map = Object.values(
    getAdjacencyMap(deviceMachine, options) as unknown as Record<
      string,
      { state: Snapshot; transitions: Record<string, { event: DeviceEvent; state: Snapshot }> }
    >,
  );
  const closed = map.flatMap(({ state, transitions }) =>
    Object.values(transitions)
      .filter(({ event, state: next }) => event.type === 'tools.unread' && next !== state)
      .filter(({ state: next }) => state.hasTag('session') && !next.hasTag('session'))
      .map(() => [statusFor(state), state.matches({ online: { toolList: 'comparing' } })].join()),
  );
  expect([...new Set(closed)]).toEqual(['idle,true']);
});
