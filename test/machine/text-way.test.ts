import { describe, expect, test } from 'vitest';
import { initialTransition } from 'xstate';
import { deviceMachine } from '../../src/machine/device-machine.ts';
import type { DeviceEvent } from '../../src/machine/events.ts';
import { statusFor } from '../../src/machine/projections.ts';
import { completed, elapsed, opened, type Played, playFrom, provisioned, settings } from './play.ts';

const session = 'device.online.conversation.connected.session';
const introduced = elapsed('introduction', 'session');
const text: DeviceEvent = { type: 'text.submitted', text: 'hello' };
const stt: DeviceEvent = { type: 'stt.received' };
const ttsStart: DeviceEvent = { type: 'tts.started' };
const answered: readonly DeviceEvent[] = [
  ttsStart,
  { type: 'playback.started' },
  { type: 'tts.stopped' },
  { type: 'playback.drained' },
];
const noSign = [
  elapsed('textSure', `${session}.thinking.toText.fresh`),
  elapsed('textSign', `${session}.thinking.toText.waiting`),
];

const device = playFrom(
  initialTransition(deviceMachine, { ...settings(), textWays: ['detect', 'listen-text', 'text'] })[0],
  [provisioned()],
).snapshot;

const sentBy = ({ actions }: Played) =>
  actions.flatMap(({ type, params }) =>
    type === 'sendText' || type === 'sendAnnouncement' ? [(params as { way: string }).way] : [],
  );
const learnt = ({ actions }: Played) =>
  actions.flatMap(({ type, params }) =>
    type === 'rememberTextWay' ? [(params as { way: string }).way] : [],
  );

describe('a text', () => {
  const asked = playFrom(device, [text, opened, introduced]);

  test('goes as a detected word first, and a server that answers it is known to take it so', () => {
    expect(sentBy(asked)).toEqual(['detect']);
    const understood = playFrom(asked.snapshot, [stt]);
    expect(learnt(understood)).toEqual(['detect']);
    // It is written down once.
    const again = playFrom(understood.snapshot, [...answered, text, stt]);
    expect([statusFor(again.snapshot), learnt(again)]).toEqual(['thinking', []]);
  });

  test('to which the server gives no sign goes the next way, and the way that is answered is used from then on', () => {
    const second = playFrom(asked.snapshot, noSign);
    expect(sentBy(second)).toEqual(['listen-text']);
    const third = playFrom(second.snapshot, noSign);
    expect(sentBy(third)).toEqual(['text']);
    const known = playFrom(third.snapshot, [ttsStart]);
    expect([statusFor(known.snapshot), learnt(known)]).toEqual(['speaking', ['text']]);
    const next = playFrom(known.snapshot, [...answered.slice(1), text]);
    expect(sentBy(next)).toEqual(['text']);
  });

  test('that was answered long after it had gone several ways teaches nothing', () => {
    const late = playFrom(asked.snapshot, [...noSign, ...noSign, ...noSign.slice(0, 1), ttsStart]);
    expect(learnt(late)).toEqual([]);
    expect(sentBy(playFrom(late.snapshot, [...answered.slice(1), text]))).toEqual(['detect']);
  });

  test('waits for a server that is about to read the tools, and no longer than for that', () => {
    const waiting = playFrom(device, [text, opened, { type: 'tools.introduced' }, introduced]);
    expect(sentBy(waiting)).toEqual([]);
    expect(sentBy(playFrom(waiting.snapshot, [{ type: 'tools.listed' }]))).toEqual(['detect']);
    expect(sentBy(playFrom(waiting.snapshot, [elapsed('listing', 'session')]))).toEqual(['detect']);
    const overLink = playFrom(device, [{ type: 'link.up' }, { type: 'link.listed' }, text, opened]);
    expect(sentBy(overLink)).toEqual(['detect']);
  });
});

test('a notice goes the same ways', () => {
  const recorded = { type: `xstate.done.actor.0.${session}.announcing.recording` } as unknown as DeviceEvent;
  const told = playFrom(device, [
    completed('a'),
    elapsed('idleSettle', 'device.online.conversation.standby.settling'),
    opened,
    introduced,
    recorded,
  ]);
  expect(sentBy(told)).toEqual(['detect']);
  const second = playFrom(told.snapshot, [
    elapsed('textSure', `${session}.announcing.asked.sent.fresh`),
    elapsed('textSign', `${session}.announcing.asked.sent.waiting`),
  ]);
  expect([statusFor(second.snapshot), sentBy(second)]).toEqual(['announcing', ['listen-text']]);
  expect(learnt(playFrom(second.snapshot, [stt]))).toEqual(['listen-text']);
});
