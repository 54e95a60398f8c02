import { describe, expect, test } from 'vitest';
import type { DeviceEvent } from '../../src/machine/events.ts';
import { statusFor } from '../../src/machine/projections.ts';
import { opened, play, playFrom, toggled } from './play.ts';

const hangup: DeviceEvent = { type: 'hangup.requested' };
const interrupt: DeviceEvent = { type: 'interrupt.requested' };
const started: DeviceEvent = { type: 'tts.started' };
const listening = [toggled, opened] as const;
const speaking = [...listening, { type: 'stt.received' }, started] as const;

describe('hanging up', () => {
  test.each<[string, readonly DeviceEvent[]]>([
    ['connecting', [toggled]],
    ['listening', listening],
    ['thinking', [...listening, { type: 'stt.received' }]],
    ['speaking', speaking],
    ['idle', []],
  ])('ends what is %s', (status, events) => {
    const before = play(events);
    expect(statusFor(before.snapshot)).toBe(status);
    expect(statusFor(playFrom(before.snapshot, [hangup]).snapshot)).toBe('idle');
  });
});

describe('interrupting', () => {
  test('silences an answer and tells the server; in a conversation the person is listened to', () => {
    const after = playFrom(play([...speaking]).snapshot, [interrupt]);
    expect(statusFor(after.snapshot)).toBe('listening');
    expect(after.effects).toEqual(expect.arrayContaining(['sendAbort', 'flushPlayback']));
  });

  test('an answer to a text is silenced, and nobody is listened to', () => {
    const typed: DeviceEvent = { type: 'text.submitted', text: 'hi' };
    const after = playFrom(play([typed, opened, started]).snapshot, [interrupt]);
    expect([statusFor(after.snapshot), after.snapshot.hasTag('microphone')]).toEqual(['idle', false]);
  });

  test.each<[string, readonly DeviceEvent[]]>([
    ['idle', []],
    ['listening', listening],
    ['connecting', [toggled]],
  ])('changes nothing while %s', (status, events) => {
    expect(statusFor(playFrom(play(events).snapshot, [interrupt]).snapshot)).toBe(status);
  });
});

test('a mode counts for the next conversation', () => {
  const chosen = play([{ type: 'mode.chosen', mode: 'manual' }, toggled, opened]);
  expect(chosen.snapshot.context.listeningMode).toBe('manual');
});
