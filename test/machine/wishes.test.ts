import { describe, expect, test } from 'vitest';
import { initialTransition } from 'xstate';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent } from '../../src/machine/events.ts';
import { audioPathsFor, statusFor } from '../../src/machine/projections.ts';
import { elapsed, lost, opened, play, playFrom, provisioned, settings, toggled } from './play.ts';

const session = 'device.online.conversation.connected.session';
const introduced = elapsed('introduction', 'session');
const retry = elapsed('recoveryDelay', 'device.online.conversation.recovering.waiting');
const tooLate = elapsed('resumeWithin', 'device.online.resumption.fresh');
const pressed: DeviceEvent = { type: 'talk.pressed' };
const released: DeviceEvent = { type: 'talk.released' };
const text: DeviceEvent = { type: 'text.submitted', text: 'hello' };
const ttsStart: DeviceEvent = { type: 'tts.started' };
const sounds: DeviceEvent = { type: 'playback.started' };
const drained: DeviceEvent = { type: 'playback.drained' };
const asking = initialTransition(deviceMachine, settings())[0];

describe('a conversation whose connection is lost', () => {
  test('listens again by itself when it is back at once, and a sound says so', () => {
    const back = play([toggled, opened, lost, retry, opened]);
    expect([statusFor(back.snapshot), back.effects, audioPathsFor(back.snapshot).uplink]).toEqual([
      'recovering',
      ['playResumed'],
      'closed',
    ]);
    expect(playFrom(back.snapshot, [drained]).effects).toEqual(['sendListenStart']);
  });

  test.each([
    ['waits to be opened', []],
    ['is being opened', [retry]],
    ['was lost again', [retry, lost]],
  ] as const)('is over when it %s for too long, with a word about it', (_, events) => {
    const over = play([toggled, opened, lost, ...events, tooLate]);
    expect([statusFor(over.snapshot), over.effects[0]]).toEqual(['idle', 'reportNotResumed']);
    expect(over.snapshot.context.listeningMode).toBe('manual');
  });

  test('that was answering a text asks it again however late, and listens no more', () => {
    const late = play([toggled, opened, introduced, text, lost, retry, tooLate, opened, introduced]);
    expect(late.effects).toEqual(['sendText']);
    const over = playFrom(late.snapshot, [ttsStart, sounds, { type: 'tts.stopped' }, drained]);
    expect(statusFor(over.snapshot)).toBe('idle');
  });
});

test.each([
  ['a typed turn that is being answered', [text, opened, introduced, ttsStart, sounds]],
  ['a key that is held', [pressed, opened]],
  [
    'a spoken question in manual mode',
    [pressed, opened, released, elapsed('releaseTail', `${session}.listening.releasing`)],
  ],
  ['speech of the server', [{ type: 'speech.requested', listenAfter: true }, opened, ttsStart, sounds]],
] as const)('%s does not come back with an open microphone', (_, events) => {
  const { snapshot, effects } = play([...events, lost]);
  expect([statusFor(snapshot), effects]).toEqual(['idle', ['reportError', 'flushPlayback']]);
});

describe('the talk key while the device looks for its server', () => {
  test.each([
    ['pressed once is heard as soon as there is one', [toggled], 'connecting'],
    ['pressed twice is a wish taken back', [toggled, toggled], 'idle'],
    ['held is heard', [pressed], 'connecting'],
  ] as const)('%s', (_, events, status) => {
    expect(statusFor(playFrom(asking, [...events, provisioned()]).snapshot)).toBe(status);
  });

  test('let go before there is one says that nothing was heard', () => {
    const after = playFrom(asking, [pressed, released]);
    expect(after.effects).toEqual(['reportNotReady']);
    expect(statusFor(playFrom(after.snapshot, [provisioned()]).snapshot)).toBe('idle');
  });

  test('is no wish any more when the server could not be asked, and asks again', () => {
    const failed = playFrom(asking, [
      toggled,
      provisioned({
        kind: 'failed',
        error: lost.type === 'channel.failed' ? lost.error : fail(),
        canUseLastAnswer: false,
      }),
      elapsed('provisioningRetry', 'device.provisioning.retrying'),
      provisioned(),
    ]);
    expect(statusFor(failed.snapshot)).toBe('idle');
  });
});

const fail = (): never => {
  throw new Error('not that event');
};

describe('a slow model', () => {
  const waiting = play([toggled, opened, introduced, { type: 'stt.received' }, ttsStart]).snapshot;
  const unheard = elapsed('replyTimeout', `${session}.speaking.playing.unheard`);

  test('is waited for until its first sound, without limit while the server waits for a tool of ours', () => {
    expect(statusFor(playFrom(waiting, [{ type: 'call.started' }, unheard]).snapshot)).toBe('speaking');
    const answering = playFrom(waiting, [{ type: 'call.started' }, unheard, { type: 'call.ended' }, sounds]);
    expect(
      answering.snapshot.matches({
        online: { conversation: { connected: { session: { speaking: { playing: 'flowing' } } } } },
      }),
    ).toBe(true);
    expect(playFrom(waiting, [unheard]).effects[0]).toBe('reportStalledSpeech');
  });

  test('an answer that begins with a sentence is an answer', () => {
    for (const events of [[], [{ type: 'stt.received' }]] as DeviceEvent[][])
      expect(statusFor(play([toggled, opened, ...events, { type: 'tts.sentence' }]).snapshot)).toBe(
        'speaking',
      );
    expect(statusFor(play([text, opened, introduced, { type: 'tts.sentence' }]).snapshot)).toBe('speaking');
  });

  test('the microphone closes while it thinks, and listening goes on when nothing comes', () => {
    const thinking = play([toggled, opened, { type: 'stt.received' }]).snapshot;
    expect(audioPathsFor(thinking).uplink).toBe('open');
    const patient = playFrom(thinking, [elapsed('attention', `${session}.thinking.attentive`)]).snapshot;
    expect([statusFor(patient), audioPathsFor(patient).uplink]).toEqual(['thinking', 'closed']);
  });

  test('a channel that is closed before any sound is no answer', () => {
    expect(statusFor(playFrom(waiting, [{ type: 'channel.closed' }]).snapshot)).toBe('idle');
  });
});
