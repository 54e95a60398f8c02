import { describe, expect, test } from 'vitest';
import { initialTransition } from 'xstate';
import type { DeviceSettings } from '../../src/machine/context.ts';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent } from '../../src/machine/events.ts';
import { audioPathsFor, statusFor } from '../../src/machine/projections.ts';
import { elapsed, lost, opened, play, playFrom, provisioned, refused, settings, toggled } from './play.ts';

const ttsStart: DeviceEvent = { type: 'tts.started' };
const ttsStop: DeviceEvent = { type: 'tts.stopped' };
const drained: DeviceEvent = { type: 'playback.drained' };
const pressed: DeviceEvent = { type: 'talk.pressed' };
const released: DeviceEvent = { type: 'talk.released' };
const voice: DeviceEvent = { type: 'speech.started' };
const silence: DeviceEvent = { type: 'speech.ended' };
const wake: DeviceEvent = { type: 'wake.detected', phrase: 'hi' };
const text: DeviceEvent = { type: 'text.submitted', text: 'hello' };
const hungUp: DeviceEvent = { type: 'channel.closed' };
const sounds: DeviceEvent = { type: 'playback.started' };
const session = 'device.online.conversation.connected.session';
/** The server has had its time to ask for our tools. */
const introduced = elapsed('introduction', 'session');
const releaseTail = elapsed(
  'releaseTail',
  'device.online.conversation.connected.session.listening.releasing',
);

describe('a conversation where the server decides when the person has finished', () => {
  test('a toggle opens the channel and then listens', () => {
    expect(statusFor(play([toggled]).snapshot)).toBe('connecting');
    const { snapshot, actions } = play([toggled, opened]);
    expect(statusFor(snapshot)).toBe('listening');
    expect(actions.find(({ type }) => type === 'sendListenStart')?.params).toEqual({ mode: 'auto' });
  });

  test('the person stays heard while the server thinks', () => {
    const { snapshot } = play([toggled, opened, { type: 'stt.received' }]);
    expect([statusFor(snapshot), audioPathsFor(snapshot).uplink]).toEqual(['thinking', 'open']);
  });

  test('the answer plays out before the microphone opens again', () => {
    const speaking = play([toggled, opened, ttsStart, { type: 'playback.started' }, ttsStop]);
    expect([statusFor(speaking.snapshot), speaking.effects]).toEqual(['speaking', ['finishPlayback']]);
    const next = playFrom(speaking.snapshot, [drained]);
    expect([statusFor(next.snapshot), next.effects]).toEqual(['listening', ['sendListenStart']]);
  });

  test('a toggle while listening hangs up', () => {
    const withoutWakeWord = initialTransition(deviceMachine, { ...settings(), wakeWord: 'none' })[0];
    const { snapshot } = playFrom(withoutWakeWord, [provisioned(), toggled, opened, toggled]);
    expect([statusFor(snapshot), audioPathsFor(snapshot).microphone]).toEqual(['idle', 'closed']);
  });

  test('a second toggle while connecting hangs up', () => {
    expect(statusFor(play([toggled, toggled]).snapshot)).toBe('idle');
  });

  test('a question that stays unanswered is asked for again', () => {
    const { snapshot, effects } = play([
      toggled,
      opened,
      { type: 'stt.received' },
      elapsed('attention', `${session}.thinking.attentive`),
      elapsed('replyTimeout', `${session}.thinking.patient`),
    ]);
    expect([statusFor(snapshot), effects]).toEqual(['listening', ['reportNoReply', 'sendListenStart']]);
  });
});

describe('push to talk', () => {
  test('the release ends the turn after the last syllable, and the device thinks', () => {
    const releasing = play([pressed, opened, released]);
    expect([audioPathsFor(releasing.snapshot).uplink, releasing.effects]).toEqual(['open', []]);
    const { snapshot, effects } = playFrom(releasing.snapshot, [releaseTail]);
    expect([statusFor(snapshot), effects, audioPathsFor(snapshot).uplink]).toEqual([
      'thinking',
      ['sendListenStop'],
      'closed',
    ]);
  });

  test('the answer ends in idle with the channel open, and the next press needs no connecting', () => {
    const idle = play([pressed, opened, released, releaseTail, ttsStart, ttsStop, drained]);
    expect(statusFor(idle.snapshot)).toBe('idle');
    const { snapshot, actions } = playFrom(idle.snapshot, [pressed]);
    expect(statusFor(snapshot)).toBe('listening');
    expect(actions[0]).toMatchObject({ type: 'sendListenStart', params: { mode: 'manual' } });
  });

  test('what was said before the server was there still reaches it', () => {
    const { snapshot, effects } = play([pressed, released, opened]);
    expect([effects, audioPathsFor(snapshot).uplink]).toEqual([['sendListenStart'], 'open']);
    expect(playFrom(snapshot, [releaseTail]).effects).toEqual(['sendListenStop']);
  });

  test('where the terminal knows no release, the toggle lets go', () => {
    const { snapshot } = play([toggled, opened, toggled, releaseTail], 'manual');
    expect(statusFor(snapshot)).toBe('thinking');
  });

  test('no answer ends in idle with a word about it', () => {
    const { snapshot, effects } = play([
      pressed,
      opened,
      released,
      releaseTail,
      elapsed('replyTimeout', 'device.online.conversation.connected.session.thinking.silent'),
    ]);
    expect([statusFor(snapshot), effects]).toEqual(['idle', ['reportNoReply']]);
  });
});

describe('full duplex', () => {
  test('the microphone stays open while the device speaks, and listen start is sent once', () => {
    const speaking = play([toggled, opened, ttsStart], 'realtime');
    expect(audioPathsFor(speaking.snapshot)).toMatchObject({
      uplink: 'open',
      downlink: 'open',
      microphone: 'open',
    });
    const { snapshot, effects } = playFrom(speaking.snapshot, [ttsStop, drained]);
    expect([statusFor(snapshot), effects]).toEqual(['listening', []]);
  });

  test('a voice interrupts the answer, and is heard without a new listen start', () => {
    const { snapshot, effects, actions } = play([toggled, opened, ttsStart, voice], 'realtime');
    expect(effects).toEqual(['sendAbort', 'flushPlayback']);
    expect(actions[0]).toMatchObject({ type: 'sendAbort', params: { reason: 'user' } });
    expect([statusFor(snapshot), audioPathsFor(snapshot).uplink]).toEqual(['listening', 'open']);
  });

  test('whose voice is listened for follows from who may speak', () => {
    const listenedFor = (input: DeviceSettings, events: DeviceEvent[]) =>
      audioPathsFor(playFrom(initialTransition(deviceMachine, input)[0], [provisioned(), ...events]).snapshot)
        .voice;
    const realtime = settings('realtime');
    expect({
      idle: listenedFor(realtime, []),
      listening: listenedFor(realtime, [toggled, opened]),
      speaking: listenedFor(realtime, [toggled, opened, ttsStart]),
      withoutBargeIn: listenedFor({ ...realtime, voiceOverAnswer: 'unheard' }, [toggled, opened, ttsStart]),
      halfDuplex: listenedFor(settings('auto'), [toggled, opened, ttsStart]),
    }).toEqual({
      idle: 'none',
      listening: 'speech',
      speaking: 'barge-in',
      withoutBargeIn: 'none',
      halfDuplex: 'none',
    });
  });

  test('a voice interrupts the last words of an answer, too', () => {
    const { effects } = play([toggled, opened, ttsStart, ttsStop, voice], 'realtime');
    expect(effects).toEqual(['sendAbort', 'flushPlayback']);
  });

  test.each([
    ['without barge-in', { ...settings('realtime'), voiceOverAnswer: 'softens' } as const],
    ['in half duplex', settings('auto')],
  ])('%s a voice does not end the answer', (_, input) => {
    const start = initialTransition(deviceMachine, input)[0];
    const { snapshot, effects } = playFrom(start, [provisioned(), toggled, opened, ttsStart, voice]);
    expect([statusFor(snapshot), effects]).toEqual(['speaking', ['duckPlayback']]);
  });
});

describe('finding the end of a turn here', () => {
  const listening = (localEndpointing: boolean, mode: 'auto' | 'manual') =>
    playFrom(initialTransition(deviceMachine, { ...settings(mode), localEndpointing })[0], [
      provisioned(),
      toggled,
      opened,
    ]).snapshot;
  test('silence ends a manual turn as letting go of the key does', () => {
    expect(playFrom(listening(true, 'manual'), [voice, silence, releaseTail]).effects).toEqual([
      'sendListenStop',
    ]);
  });

  test.each([
    ['when nobody asked for it', false, 'manual'],
    ['when the server does it', true, 'auto'],
  ] as const)('not %s', (_, localEndpointing, mode) => {
    const { snapshot } = playFrom(listening(localEndpointing, mode), [voice, silence]);
    expect(statusFor(snapshot)).toBe('listening');
  });
});

describe('interrupting', () => {
  const speaking = play([toggled, opened, ttsStart]).snapshot;

  test.each([
    ['the wake word', wake, { reason: 'wake-word' }],
    ['the talk key', toggled, { reason: 'user' }],
    ['push to talk', pressed, { reason: 'user' }],
  ])('%s aborts, silences and listens at once', (_, event, reason) => {
    const { snapshot, effects, actions } = playFrom(speaking, [event as DeviceEvent]);
    expect(effects).toEqual(['sendAbort', 'flushPlayback', 'sendListenStart']);
    expect(actions[0]).toMatchObject({ type: 'sendAbort', params: reason });
    expect(statusFor(snapshot)).toBe('listening');
  });

  test('what the server still says of the old answer changes nothing', () => {
    const { snapshot } = playFrom(speaking, [wake, ttsStop, ttsStop]);
    expect([statusFor(snapshot), audioPathsFor(snapshot).downlink]).toEqual(['listening', 'holding']);
  });

  test('a typed text replaces the answer', () => {
    expect(playFrom(speaking, [text]).effects).toEqual(['sendAbort', 'flushPlayback']);
    expect(playFrom(speaking, [text, introduced]).effects).toEqual(['sendText']);
    expect(playFrom(speaking, [introduced, text]).effects).toEqual([
      'sendAbort',
      'flushPlayback',
      'sendText',
    ]);
  });
});

describe('text turns', () => {
  test('the text goes out when the channel is open, and the microphone stays closed', () => {
    const opening = play([text]);
    expect([statusFor(opening.snapshot), audioPathsFor(opening.snapshot).microphone]).toEqual([
      'connecting',
      'keep',
    ]);
    const { effects, actions } = playFrom(opening.snapshot, [opened, introduced]);
    expect([effects, actions[0]?.params]).toEqual([['sendText'], { text: 'hello', way: 'detect' }]);
  });

  test('the answer to a text ends in idle, not with an open microphone', () => {
    expect(statusFor(play([text, opened, ttsStart, ttsStop, drained]).snapshot)).toBe('idle');
  });

  test('a text whose connection is lost is asked again on the next one', () => {
    const { effects } = play([
      text,
      opened,
      lost,
      elapsed('recoveryDelay', 'device.online.conversation.recovering.waiting'),
      opened,
      introduced,
    ]);
    expect(effects).toEqual(['sendText']);
  });
});

describe('wake word', () => {
  test('what was heard and the word itself go out before listen start', () => {
    const opening = play([wake]);
    expect(audioPathsFor(opening.snapshot).uplink).toBe('remembering');
    expect(playFrom(opening.snapshot, [opened]).effects).toEqual(['sendWake', 'sendListenStart']);
  });

  test('begins a conversation like a key press when its sound is not to be sent (B24)', () => {
    const start = initialTransition(deviceMachine, { ...settings(), wakeWord: 'unsent' })[0];
    const opening = playFrom(start, [provisioned(), wake]);
    expect(audioPathsFor(opening.snapshot)).toMatchObject({ uplink: 'holding', microphone: 'open' });
    expect(playFrom(opening.snapshot, [opened]).effects).toEqual(['sendListenStart']);
  });

  test('counts while idle, thinking or speaking, and not while the person is heard anyway (F51, F53)', () => {
    const counts = (events: DeviceEvent[], mode?: 'auto' | 'realtime') =>
      audioPathsFor(play(events, mode).snapshot).wakeWord;
    expect({
      standby: counts([]),
      opening: counts([wake]),
      listening: counts([wake, opened]),
      thinking: counts([text, opened]),
      speaking: counts([wake, opened, ttsStart]),
      idleAgain: counts([text, opened, ttsStart, ttsStop, drained]),
      realtimeSpeaking: counts([wake, opened, ttsStart], 'realtime'),
    }).toEqual({
      standby: true,
      opening: false,
      listening: false,
      thinking: true,
      speaking: true,
      idleAgain: true,
      realtimeSpeaking: false,
    });
  });

  test('opens the microphone while the device speaks, without sending anything', () => {
    expect(audioPathsFor(play([wake, opened, ttsStart]).snapshot)).toMatchObject({
      uplink: 'closed',
      microphone: 'open',
    });
  });
});

describe('speech the server starts', () => {
  test('is heard from idle, and the conversation goes on by listening', () => {
    const idle = play([
      toggled,
      opened,
      ttsStart,
      ttsStop,
      drained,
      toggled,
      toggled,
      opened,
      text,
      ttsStart,
      ttsStop,
      drained,
    ]);
    expect(statusFor(playFrom(idle.snapshot, [ttsStart]).snapshot)).toBe('speaking');
  });

  test('never finished is given up, with a word about it', () => {
    const { snapshot, effects } = play([
      toggled,
      opened,
      ttsStart,
      sounds,
      { type: 'playback.starved' },
      elapsed('stalledSpeech', `${session}.speaking.playing.waiting`),
    ]);
    expect(effects).toEqual(['reportStalledSpeech', 'finishPlayback']);
    expect(statusFor(playFrom(snapshot, [drained]).snapshot)).toBe('listening');
  });

  test('the last words are heard although the server has hung up', () => {
    const finishing = play([toggled, opened, ttsStart, sounds, hungUp]);
    expect([statusFor(finishing.snapshot), audioPathsFor(finishing.snapshot).loudspeaker]).toEqual([
      'speaking',
      'open',
    ]);
    expect(statusFor(playFrom(finishing.snapshot, [drained]).snapshot)).toBe('idle');
  });
});

describe('a control link', () => {
  const down: DeviceEvent = { ...lost, type: 'link.failed' } as DeviceEvent;
  const linkOf = ({ snapshot }: ReturnType<typeof play>) =>
    (snapshot.value as { online: { link: unknown } }).online.link;

  test('is come back to in every state, later each time, and the conversation goes on', () => {
    const broken = play([toggled, opened, { type: 'link.up' }, down]);
    expect([statusFor(broken.snapshot), linkOf(broken), broken.effects]).toEqual([
      'listening',
      'waiting',
      ['reportError'],
    ]);
    const again = playFrom(broken.snapshot, [elapsed('linkRetry', 'device.online.link.waiting'), down]);
    expect(again.snapshot.context.linkFailures).toBe(2);
  });

  test('that has lived for a minute is forgiven its failures', () => {
    const up = play([down, elapsed('linkRetry', 'device.online.link.waiting'), { type: 'link.up' }]);
    expect(
      playFrom(up.snapshot, [elapsed('healthyPeriod', 'device.online.link.attached.up')]).snapshot.context
        .linkFailures,
    ).toBe(0);
  });

  test('that the road did not need is looked for again when the OTA server names another road, and left for it', () => {
    const none = play([{ type: 'link.unneeded' }, toggled, opened]);
    expect(linkOf(none)).toBe('none');
    const moved = playFrom(none.snapshot, [{ type: 'road.changed' }]);
    expect(linkOf(moved)).toEqual({ attached: 'connecting' });
    const back = playFrom(moved.snapshot, [{ type: 'link.up' }, { type: 'road.changed' }]);
    expect(linkOf(back)).toEqual({ attached: 'connecting' });
  });

  test('lets a server ask to speak: a session is opened and told so', () => {
    const asked = play([{ type: 'link.up' }, { type: 'speech.requested', listenAfter: false }]);
    expect(statusFor(asked.snapshot)).toBe('connecting');
    const { snapshot, effects } = playFrom(asked.snapshot, [opened]);
    expect([statusFor(snapshot), effects]).toEqual(['idle', ['sendSpeakReady']]);
  });
});

describe('trouble', () => {
  const retry = elapsed('recoveryDelay', 'device.online.conversation.recovering.waiting');

  test('a lost conversation is come back to, a few times', () => {
    const events: DeviceEvent[] = [toggled, opened];
    for (let i = 0; i < 5; i++) events.push(lost, retry);
    const fifth = play(events);
    expect(statusFor(fifth.snapshot)).toBe('recovering');
    const given = playFrom(fifth.snapshot, [lost]);
    expect([statusFor(given.snapshot), given.effects]).toEqual(['idle', ['reportError', 'flushPlayback']]);
  });

  test('a healthy minute clears the count', () => {
    const recovered = play([toggled, opened, lost, retry, opened]);
    expect(recovered.snapshot.context.recoveryAttempts).toBe(1);
    const healthy = playFrom(recovered.snapshot, [elapsed('healthyPeriod', 'session')]);
    expect(healthy.snapshot.context.recoveryAttempts).toBe(0);
  });

  test('a refusal asks the OTA server once for newer credentials, then tells the person', () => {
    const refreshing = play([toggled, refused]);
    expect(refreshing.snapshot.matches({ online: { conversation: { recovering: 'refreshing' } } })).toBe(
      true,
    );
    const again = playFrom(refreshing.snapshot, [
      {
        type: 'xstate.done.actor.0.device.online.conversation.recovering.refreshing',
        output: { kind: 'ready' },
      } as never,
      refused,
    ]);
    expect([statusFor(again.snapshot), again.effects[0]]).toEqual(['idle', 'reportError']);
  });

  test('the person may give up waiting', () => {
    expect(statusFor(play([toggled, opened, lost, toggled]).snapshot)).toBe('idle');
  });

  test('a reboot wish of the server is obeyed from every state', () => {
    const { snapshot } = play([
      toggled,
      opened,
      ttsStart,
      { type: 'reboot.requested' },
      elapsed('rebootPause', 'device.rebooting'),
    ]);
    expect(snapshot.status).toBe('done');
  });

  test('what was typed and not answered is lost with a word about it', () => {
    const events: DeviceEvent[] = [text];
    for (let i = 0; i < 5; i++) events.push(lost, retry);
    const given = play([...events, lost]);
    expect([statusFor(given.snapshot), given.actions[0]]).toMatchObject([
      'idle',
      {
        type: 'reportError',
        params: {
          error: {
            code: 'TRANSPORT_CLOSED',
            message: 'lost What you typed was not answered; type it again.',
            retryable: true,
          },
        },
      },
    ]);
    const rebooting = play([text, { type: 'reboot.requested' }]);
    expect(rebooting.actions[0]).toMatchObject({
      type: 'reportError',
      params: {
        error: {
          code: 'TEXT_UNANSWERED',
          message: 'The device starts anew before what you typed was answered; type it again.',
        },
      },
    });
    expect(play([toggled, { type: 'reboot.requested' }]).effects).not.toContain('reportError');
    expect(playFrom(rebooting.snapshot, [text]).effects).toEqual(['reportError']);
  });

  test('a microphone that fails ends the conversation with a word about it', () => {
    const { snapshot, effects } = play([
      toggled,
      opened,
      { ...lost, type: 'microphone.failed' } as DeviceEvent,
    ]);
    expect([statusFor(snapshot), effects[0]]).toEqual(['idle', 'reportError']);
  });
});
