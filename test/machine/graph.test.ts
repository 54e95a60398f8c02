import { describe, expect, test } from 'vitest';
import { getAdjacencyMap } from 'xstate/graph';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent, ListeningMode } from '../../src/machine/events.ts';
import { audioPathsFor, statusFor } from '../../src/machine/projections.ts';
import { completed, lost, opened, provisioned, refused, type Snapshot, settings } from './play.ts';

/** Every event there is, and every delay of the states that the snapshot is in; those of the link and the list of tools only where they are looked at. */
const eventsIn =
  (always: readonly DeviceEvent[], beside = false) =>
  (snapshot: Snapshot): DeviceEvent[] => [
    ...always,
    ...snapshot._nodes.flatMap((node) =>
      beside || !/\.(link|toolList)\b/.test(`.${node.path.join('.')}`)
        ? node.after.map(({ eventType }) => ({ type: eventType }) as never)
        : [],
    ),
  ];

const events: DeviceEvent[] = [
  { type: 'wake.detected', phrase: 'hi' },
  { type: 'talk.toggled' },
  { type: 'talk.pressed' },
  { type: 'talk.released' },
  { type: 'text.submitted', text: 'x' },
  opened,
  { type: 'channel.closed' },
  { type: 'speech.requested', listenAfter: false },
  { type: 'speech.requested', listenAfter: true },
  lost,
  refused,
  { type: 'microphone.failed', error: new ClientError(ErrorCode.audioDeviceLost, 'gone') },
  { type: 'network.changed' },
  { type: 'speech.started' },
  { type: 'speech.ended' },
  { type: 'tts.started' },
  { type: 'tts.sentence' },
  { type: 'tts.stopped' },
  { type: 'stt.received' },
  { type: 'alert.received' },
  { type: 'call.started' },
  { type: 'call.ended' },
  { type: 'playback.started' },
  { type: 'playback.starved' },
  { type: 'playback.heard' },
  { type: 'playback.drained' },
  completed('a'),
  provisioned(),
  provisioned({ kind: 'activation', code: '1', message: '' }),
  { type: 'xstate.done.actor.0.device.provisioning.activating' } as never,
  { type: 'xstate.done.actor.0.device.online.conversation.connected.session.announcing.recording' } as never,
  {
    type: 'xstate.done.actor.0.device.online.conversation.recovering.refreshing',
    output: { kind: 'ready' },
  } as never,
];

/** What tells two configurations apart; counters are cut so that the graph stays finite. The regions beside the conversation that have graphs of their own are left out. */
const serializeState = (snapshot: Snapshot): string => {
  const { mailbox, listeningMode, text, recoveryAttempts, isRefreshed, announceAttempt, announcement, wish } =
    snapshot.context;
  return JSON.stringify([
    conversationOf(snapshot),
    mailbox.length,
    listeningMode,
    text !== undefined,
    wish,
    Math.min(recoveryAttempts, 1),
    isRefreshed,
    Math.min(announceAttempt, 1),
    announcement !== undefined,
  ]);
};

function conversationOf({ value }: Snapshot): unknown {
  if (typeof value === 'string' || !('online' in value)) return value;
  const { conversation, nearEnd, answer, resumption } = value.online as Record<string, unknown>;
  return { conversation, nearEnd, answer, resumption };
}

const toolListOf = ({ value }: Snapshot): unknown =>
  typeof value === 'object' && 'online' in value ? (value.online as { toolList: unknown }).toolList : '';

/** A person wants to be heard. */
const wishes: ReadonlySet<string> = new Set(['talk.toggled', 'talk.pressed', 'wake.detected']);

describe.each(['auto', 'manual', 'realtime'] as const)(
  'every reachable state (%s)',
  (mode: ListeningMode) => {
    const options = {
      input: settings(mode),
      events: eventsIn(events),
      limit: 1_000_000,
      serializeState,
    } as never;
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

    test('the uplink opens only after a wish of a person that still stands', () => {
      // A wish ends where nobody talks, and in manual mode with the words of the person.
      const ends = (snapshot: Snapshot) =>
        snapshot.hasTag('idle') ||
        (snapshot.context.listeningMode === 'manual' &&
          ['thinking', 'speaking', 'announcing'].includes(statusFor(snapshot)));
      const byKey = new Map(map.map((node) => [serializeState(node.state), node]));
      const [first] = map;
      const seen = new Set<string>();
      const unwanted = new Set<string>();
      const left = first ? [{ node: first, wished: false }] : [];
      for (let at = left.pop(); at; at = left.pop()) {
        for (const { event, state: next } of Object.values(at.node.transitions)) {
          const wished = (at.wished || wishes.has(event.type)) && !ends(next);
          const key = `${wished} ${serializeState(next)}`;
          if (seen.has(key)) continue;
          seen.add(key);
          const { uplink } = audioPathsFor(next);
          if (!wished && ['open', 'holding'].includes(uplink))
            unwanted.add(`${statusFor(at.node.state)} ${event.type} ${name(next)}`);
          const node = byKey.get(serializeState(next));
          if (node && next.status === 'active') left.push({ node, wished });
        }
      }
      expect(seen.size).toBeGreaterThan(map.length / 2);
      expect([...unwanted]).toEqual([]);
    });

    test('mail leaves only when it has been heard', () => {
      const losses = running.flatMap(({ state, transitions }) =>
        Object.values(transitions)
          .filter(({ state: next }) => next.context.mailbox.length < state.context.mailbox.length)
          .map(({ event }) => [statusFor(state), event.type]),
      );
      expect([...new Set(losses.map((loss) => loss.join()))].sort()).toEqual([
        'announcing,playback.heard',
        'speaking,playback.heard',
      ]);
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
        const person = ['listening', 'idle'].includes(statusFor(state));
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
  const few: ReadonlySet<string> = new Set([
    'talk.toggled',
    'text.submitted',
    'channel.opened',
    'channel.closed',
    'stt.received',
    'tts.started',
    'tts.stopped',
    'playback.drained',
    'speech.started',
    'speech.ended',
  ]);
  const options = {
    input: settings('realtime'),
    events: eventsIn(
      [
        provisioned(),
        ...events.filter(({ type }) => few.has(type)),
        { type: 'tools.changed' },
        { type: 'tools.read' },
        { type: 'tools.unread' },
      ],
      true,
    ),
    limit: 1_000_000,
    serializeState: (snapshot: Snapshot) => `${serializeState(snapshot)} ${toolListOf(snapshot)}`,
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
