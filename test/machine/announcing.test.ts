import { describe, expect, test } from 'vitest';
import { initialTransition } from 'xstate';
import type { DeviceSettings } from '../../src/machine/context.ts';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent, ListeningMode } from '../../src/machine/events.ts';
import { audioPathsFor, isPausing, isQuiet, statusFor } from '../../src/machine/projections.ts';
import { mailsOf, taskIdsOf } from '../../src/mcp/announcements/mailbox.ts';
import {
  completed,
  elapsed,
  lost,
  opened,
  type Played,
  play,
  playFrom,
  provisioned,
  type Snapshot,
  settings,
  toggled,
} from './play.ts';

const session = 'device.online.conversation.connected.session';
const ttsStart: DeviceEvent = { type: 'tts.started' };
const ttsStop: DeviceEvent = { type: 'tts.stopped' };
const sentence: DeviceEvent = { type: 'tts.sentence' };
const stt: DeviceEvent = { type: 'stt.received' };
const sounds: DeviceEvent = { type: 'playback.started' };
const heard: DeviceEvent = { type: 'playback.heard' };
const drained: DeviceEvent = { type: 'playback.drained' };
const voice: DeviceEvent = { type: 'speech.started' };
const silence: DeviceEvent = { type: 'speech.ended' };
const wake: DeviceEvent = { type: 'wake.detected', phrase: 'hi' };
const hungUp: DeviceEvent = { type: 'channel.closed' };
const introduced = elapsed('introduction', 'session');
const recorded = {
  type: `xstate.done.actor.0.${session}.announcing.recording`,
} as unknown as DeviceEvent;
const settledStandby = elapsed('idleSettle', 'device.online.conversation.standby.settling');
const settledIdle = elapsed('idleSettle', `${session}.idle.settling`);
const afterAnswer = elapsed('answerPause', `${session}.idle.pausing.afterAnswer`);
const afterSilence = elapsed('silencePause', `${session}.idle.pausing.inSilence`);
const quietTime = elapsed('quietTime', `${session}.listening.open.still`);
const unansweredVoice = elapsed('unansweredVoice', `${session}.listening.open.unanswered`);

const waiting = ({ snapshot }: Played) => taskIdsOf(snapshot.context.mailbox);
const withSettings = (changes: Partial<DeviceSettings>, mode: ListeningMode = 'auto'): Snapshot =>
  playFrom(initialTransition(deviceMachine, { ...settings(mode), ...changes })[0], [provisioned()]).snapshot;

/** Told of a result, the server has begun to answer; nothing has sounded. */
const asked = [completed('a'), settledStandby, opened, introduced, recorded] as const;

/** A conversation in which an answer has just been heard, and mail waits. */
const answered = (mode: ListeningMode) =>
  play([toggled, opened, introduced, ttsStart, sounds, completed('a'), ttsStop, drained], mode);

describe('mail', () => {
  test.each([
    ['listening', [toggled, opened]],
    ['thinking', [toggled, opened, stt]],
    ['speaking', [toggled, opened, ttsStart]],
  ] as const)('waits while %s, in order and without duplicates', (status, events) => {
    const told = play([...events, completed('a'), completed('a'), completed('b')]);
    expect([statusFor(told.snapshot), waiting(told)]).toEqual([status, ['a', 'b']]);
  });

  test('is told from settled standby over a new channel, and nothing is sent of the microphone', () => {
    const opening = play([completed('a'), settledStandby]);
    expect([statusFor(opening.snapshot), audioPathsFor(opening.snapshot).uplink]).toEqual([
      'announcing',
      'closed',
    ]);
    const sent = playFrom(opening.snapshot, [opened, introduced, recorded]);
    expect([sent.effects, audioPathsFor(sent.snapshot).uplink]).toEqual([['sendAnnouncement'], 'closed']);
  });

  test('is known on disk to be on its way before it is', () => {
    const recording = play([completed('a'), settledStandby, opened, introduced]);
    expect([recording.effects, recording.snapshot.value]).toMatchObject([
      [],
      { online: { conversation: { connected: { session: { announcing: 'recording' } } } } },
    ]);
  });

  test('leaves the box when it has been heard, not when the server begins; what came later follows from idle', () => {
    const speaking = play([...asked, completed('b'), ttsStart, sounds]);
    expect([statusFor(speaking.snapshot), waiting(speaking)]).toEqual(['speaking', ['a', 'b']]);
    const told = playFrom(speaking.snapshot, [heard]);
    expect([waiting(told), told.effects]).toEqual([['b'], ['noteAnnouncement']]);
    const second = playFrom(told.snapshot, [ttsStop, drained, settledIdle, recorded]);
    expect([statusFor(second.snapshot), second.effects]).toEqual(['announcing', ['sendAnnouncement']]);
  });

  test.each([
    ['hangs up', [hungUp], 'idle'],
    ['loses the connection', [lost], 'idle'],
    ['sends no sound', [ttsStop, drained], 'idle'],
  ] as const)('stays when the server %s before it was heard', (_, events, status) => {
    const after = play([...asked, ttsStart, ...events]);
    expect([statusFor(after.snapshot), waiting(after), after.snapshot.context.announceAttempt]).toEqual([
      status,
      ['a'],
      1,
    ]);
  });

  test('of which something sounded before the connection broke is told as what may have been told', () => {
    const doubted = (events: DeviceEvent[]) =>
      mailsOf(play([...asked, ttsStart, ...events]).snapshot.context.mailbox)[0]?.maybeTold ?? false;
    expect([doubted([lost]), doubted([sounds, lost]), doubted([sounds, heard, lost])]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test('is told by the device itself when the server does not take it', () => {
    const unanswered = elapsed('noticeReply', `${session}.announcing.asked.sent`);
    const patience = [
      elapsed('textSure', `${session}.announcing.asked.sent.fresh`),
      elapsed('textSign', `${session}.announcing.asked.sent.waiting`),
      unanswered,
    ];
    let { snapshot } = play([...asked, ...patience]);
    for (let tries = 1; tries < 4; tries++)
      snapshot = playFrom(snapshot, [settledIdle, recorded, ...patience]).snapshot;
    const local = playFrom(snapshot, [settledIdle]);
    expect([statusFor(local.snapshot), local.effects]).toEqual(['announcing', ['playNotice']]);
    expect(local.snapshot.hasTag('session')).toBe(true);
    const told = playFrom(local.snapshot, [sounds, heard, drained]);
    expect([statusFor(told.snapshot), waiting(told)]).toEqual(['idle', []]);
  });

  test('a server that answers with an alert is not asked the same way again', () => {
    const { snapshot, effects } = play([...asked, { type: 'alert.received' }]);
    expect([statusFor(snapshot), effects, snapshot.context.announceAttempt]).toEqual([
      'idle',
      ['noteAnnouncement'],
      2,
    ]);
  });

  test('is not told any more when somebody has read it', () => {
    const { snapshot } = play([completed('a'), { type: 'mail.withdrawn', taskIds: ['a'] }, settledStandby]);
    expect([statusFor(snapshot), snapshot.context.mailbox.length]).toEqual(['idle', 0]);
  });

  test('stays when the person begins to talk instead, and that is no failed try', () => {
    for (const event of [wake, toggled, { type: 'text.submitted', text: 'x' } as const]) {
      const after = play([...asked, event]);
      expect([waiting(after), after.snapshot.context.announceAttempt]).toEqual([['a'], 0]);
    }
  });

  test('waits for quiet hours that begin while the channel is being opened, without a failed try', () => {
    let hour = 21;
    const start = withSettings({
      now: () => new Date(2026, 0, 1, hour, 59),
      announcements: { ...settings().announcements, quietHours: { from: '22:00', to: '07:00' } },
    });
    const opening = playFrom(start, [completed('a'), settledStandby]);
    expect(statusFor(opening.snapshot)).toBe('announcing');
    hour = 22;
    const idle = playFrom(opening.snapshot, [opened, introduced, recorded, settledIdle]);
    expect([statusFor(idle.snapshot), idle.effects, idle.snapshot.context.announceAttempt]).toEqual([
      'idle',
      [],
      0,
    ]);
  });
});

describe.each(['auto', 'realtime'] as const)('mail in a conversation (%s)', (mode) => {
  const listening = play([toggled, opened, introduced], mode).snapshot;
  const uplink = mode === 'realtime' ? 'open' : 'holding';

  test('is told when an answer has been heard to its end, through idle, and then the person is listened to', () => {
    const idle = answered(mode);
    expect([statusFor(idle.snapshot), isPausing(idle.snapshot), idle.effects]).toEqual(['idle', true, []]);
    const sent = playFrom(idle.snapshot, [afterAnswer, recorded]);
    expect([statusFor(sent.snapshot), sent.effects]).toEqual(['announcing', ['sendAnnouncement']]);
    const told = playFrom(sent.snapshot, [stt, ttsStart, sounds, heard, ttsStop]);
    expect([statusFor(told.snapshot), waiting(told)]).toEqual(['speaking', []]);
    const goesOn = playFrom(told.snapshot, [drained]);
    expect([statusFor(goesOn.snapshot), goesOn.actions[0]]).toMatchObject([
      'listening',
      { type: 'sendListenStart', params: { mode } },
    ]);
  });

  test('is told when nobody has spoken for a while, and the server is not told that listening has stopped', () => {
    const quiet = playFrom(listening, [quietTime]);
    expect([statusFor(quiet.snapshot), isQuiet(quiet.snapshot)]).toEqual(['listening', true]);
    const idle = playFrom(quiet.snapshot, [completed('a')]);
    expect([statusFor(idle.snapshot), isPausing(idle.snapshot), idle.effects]).toEqual([
      'idle',
      true,
      ['noteMail'],
    ]);
    expect(playFrom(idle.snapshot, [afterSilence, recorded]).effects).toEqual(['sendAnnouncement']);
  });

  test('is told later after a voice that the server did not understand, and not while one is heard', () => {
    const spoken = playFrom(listening, [completed('a'), voice, quietTime]);
    expect(statusFor(spoken.snapshot)).toBe('listening');
    const over = playFrom(spoken.snapshot, [silence]);
    expect(statusFor(over.snapshot)).toBe('listening');
    expect(statusFor(playFrom(over.snapshot, [voice, unansweredVoice]).snapshot)).toBe('listening');
    expect(statusFor(playFrom(over.snapshot, [unansweredVoice]).snapshot)).toBe('idle');
  });

  test('waits while an answer is awaited', () => {
    const understood = playFrom(listening, [completed('a'), voice, stt, silence, unansweredVoice, quietTime]);
    expect(statusFor(understood.snapshot)).toBe(mode === 'auto' ? 'thinking' : 'listening');
    expect(statusFor(playFrom(understood.snapshot, [ttsStart]).snapshot)).toBe('speaking');
  });

  test('the person is listened for until the notice sounds, and nothing is sent of them', () => {
    for (const events of [[], [afterAnswer], [afterAnswer, recorded], [afterAnswer, recorded, ttsStart]]) {
      const { snapshot } = playFrom(answered(mode).snapshot, events);
      expect(audioPathsFor(snapshot)).toMatchObject({ uplink, microphone: 'open' });
    }
  });

  test.each([
    ['in the pause', [], []],
    ['before it is sent', [afterAnswer], ['noteAnnouncement']],
    ['on its way', [afterAnswer, recorded], ['sendAbort', 'noteAnnouncement']],
    ['that has been understood', [afterAnswer, recorded, stt], ['sendAbort', 'noteAnnouncement']],
    ['before the first sound', [afterAnswer, recorded, stt, ttsStart], ['sendAbort', 'noteAnnouncement']],
  ] as const)('a voice wins over a notice %s, and the mail stays', (_, before, effects) => {
    const after = playFrom(answered(mode).snapshot, [...before, voice]);
    expect([statusFor(after.snapshot), waiting(after), after.effects]).toEqual([
      'listening',
      ['a'],
      [...effects, 'sendListenStart'],
    ]);
    expect(after.snapshot.context.announceAttempt).toBe(0);
    // What crosses the abort is not said over the person.
    const crossing = playFrom(after.snapshot, [stt, ttsStart, sentence]);
    if (effects[0] === 'sendAbort') expect(statusFor(crossing.snapshot)).toBe('listening');
    const over = playFrom(crossing.snapshot, [ttsStop, silence, stt, ttsStart]);
    expect(statusFor(over.snapshot)).toBe('speaking');
  });

  test('a notice that is not answered does not keep the conversation: it goes on by listening, and later tries again', () => {
    const failed = playFrom(answered(mode).snapshot, [
      afterAnswer,
      recorded,
      elapsed('textSure', `${session}.announcing.asked.sent.fresh`),
      elapsed('textSign', `${session}.announcing.asked.sent.waiting`),
      elapsed('noticeReply', `${session}.announcing.asked.sent`),
    ]);
    expect([statusFor(failed.snapshot), waiting(failed), failed.snapshot.context.announceAttempt]).toEqual([
      'listening',
      ['a'],
      1,
    ]);
    expect(statusFor(playFrom(failed.snapshot, [quietTime]).snapshot)).toBe('idle');
  });

  test('is not told in quiet hours', () => {
    const start = withSettings(
      { announcements: { ...settings().announcements, quietHours: { from: '11:00', to: '13:00' } } },
      mode,
    );
    const quiet = playFrom(start, [toggled, opened, completed('a'), quietTime]);
    expect(statusFor(quiet.snapshot)).toBe('listening');
    const spoken = playFrom(quiet.snapshot, [ttsStart, sounds, ttsStop, drained]);
    expect(statusFor(spoken.snapshot)).toBe('listening');
  });

  test('several notices follow each other with a pause for the person between them', () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(completed);
    const first = playFrom(listening, [...many, quietTime, afterSilence, recorded, ttsStart, sounds, heard]);
    expect(waiting(first)).toEqual(['f', 'g']);
    const pause = playFrom(first.snapshot, [ttsStop, drained]);
    expect([statusFor(pause.snapshot), isPausing(pause.snapshot)]).toEqual(['idle', true]);
    expect(playFrom(pause.snapshot, [afterAnswer, recorded]).effects).toEqual(['sendAnnouncement']);
  });

  test('is told by the device itself on the same channel, where that is the way', () => {
    const start = withSettings(
      { announcements: { ...settings().announcements, strategies: ['local'] } },
      mode,
    );
    const telling = playFrom(start, [toggled, opened, completed('a'), quietTime, afterSilence]);
    expect([statusFor(telling.snapshot), telling.effects]).toEqual(['announcing', ['playNotice']]);
    const over = playFrom(telling.snapshot, [sounds, heard, drained]);
    expect([statusFor(over.snapshot), waiting(over), over.effects]).toEqual([
      'listening',
      [],
      ['sendListenStart'],
    ]);
  });
});

test('a voice interrupts a notice in full duplex, and what was not heard of it stays', () => {
  const speaking = playFrom(answered('realtime').snapshot, [afterAnswer, recorded, ttsStart, sounds]);
  const interrupted = playFrom(speaking.snapshot, [voice]);
  expect([statusFor(interrupted.snapshot), waiting(interrupted), interrupted.effects]).toEqual([
    'listening',
    ['a'],
    ['sendAbort', 'flushPlayback', 'noteAnnouncement'],
  ]);
});

test('a key that is held is listened to however long nobody speaks', () => {
  const held = play([{ type: 'talk.pressed' }, opened, completed('a'), quietTime]);
  expect(statusFor(held.snapshot)).toBe('listening');
});
