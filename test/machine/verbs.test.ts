import { describe, expect, test } from 'vitest';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
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

describe('a microphone that is lost', () => {
  const broken: DeviceEvent = {
    type: 'microphone.failed',
    error: new ClientError(ErrorCode.audioDeviceLost, 'The microphone was unplugged.', { retryable: true }),
  };

  test('while an answer plays does not cut it: it is finished, then the loss is told', () => {
    const during = playFrom(play([...speaking]).snapshot, [{ type: 'playback.started' }, broken]);
    expect([statusFor(during.snapshot), during.effects]).toEqual(['speaking', []]);
    const after = playFrom(during.snapshot, [{ type: 'tts.stopped' }, { type: 'playback.drained' }]);
    expect(statusFor(after.snapshot)).toBe('idle');
    expect(after.effects).toContain('reportMicrophoneLoss');
    expect(after.snapshot.context.microphoneLoss).toBeUndefined();
  });

  test('while an answer is awaited leaves it its chance', () => {
    const waiting = playFrom(play([...listening, { type: 'stt.received' }]).snapshot, [broken]);
    expect(statusFor(waiting.snapshot)).toBe('thinking');
    expect(statusFor(playFrom(waiting.snapshot, [started]).snapshot)).toBe('speaking');
  });

  test('while the person speaks ends the conversation at once, as before', () => {
    const lost = playFrom(play([...listening]).snapshot, [broken]);
    expect([statusFor(lost.snapshot), lost.effects]).toEqual([
      'idle',
      expect.arrayContaining(['reportError']),
    ]);
  });
});
