import { describe, expect, it } from 'vitest';
import { createAnswerPlayer } from '../../src/demo-server/answer-player.ts';
import { codec } from '../support/demo-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const sentAtMs: number[] = [];
  const finishedAtMs: number[] = [];
  const player = createAnswerPlayer({
    codec,
    clock,
    sampleRateHz: 24_000,
    frameDurationMs: 60,
    sendAudio: () => sentAtMs.push(clock.now()),
  });
  const play = (ms: number) => player.play(new Int16Array(24 * ms), () => finishedAtMs.push(clock.now()));
  return { clock, player, play, sentAtMs, finishedAtMs };
}

describe('the answer player', () => {
  it('sends six packets at once, then one per 60 ms, and ends 420 ms after the last', () => {
    const { clock, play, sentAtMs, finishedAtMs, player } = setUp();
    play(9 * 60 - 10);
    clock.advance(5000);
    expect({ sentAtMs, finishedAtMs, playing: player.playing, timers: clock.pendingTimers }).toEqual({
      sentAtMs: [0, 0, 0, 0, 0, 0, 60, 120, 180],
      finishedAtMs: [600],
      playing: false,
      timers: 0,
    });
  });

  it('ends 420 ms after the only burst of a short answer', () => {
    const { clock, play, sentAtMs, finishedAtMs } = setUp();
    play(120);
    clock.advance(5000);
    expect({ sentAtMs, finishedAtMs }).toEqual({ sentAtMs: [0, 0], finishedAtMs: [420] });
  });

  it('keeps its deadlines when timers come late', () => {
    const clock = new FakeClock();
    const sentAtMs: number[] = [];
    const late = { ...clock, setTimeout: (work: () => void, ms: number) => clock.setTimeout(work, ms + 25) };
    const player = createAnswerPlayer({
      codec,
      clock: late,
      sampleRateHz: 24_000,
      frameDurationMs: 60,
      sendAudio: () => sentAtMs.push(clock.now()),
    });
    player.play(new Int16Array(1440 * 10), () => {});
    clock.advance(1000);
    expect(sentAtMs.slice(6)).toEqual([85, 145, 205, 265]);
  });

  it('goes on at its pace after the machine slept, instead of sending all that is overdue', () => {
    const clock = new FakeClock();
    const sentAtMs: number[] = [];
    const sleep = { ms: 0 };
    const player = createAnswerPlayer({
      codec,
      clock: { ...clock, now: () => clock.now() + sleep.ms },
      sampleRateHz: 24_000,
      frameDurationMs: 60,
      sendAudio: () => sentAtMs.push(clock.now()),
    });
    player.play(new Int16Array(1440 * 12), () => {});
    clock.advance(60);
    sleep.ms = 3_600_000;
    clock.advance(200);
    expect(sentAtMs.slice(6)).toEqual([60, 120, 180, 240]);
  });

  it('sends nothing after it was cancelled, and never says that it finished', () => {
    const { clock, play, player, sentAtMs, finishedAtMs } = setUp();
    play(3000);
    clock.advance(60);
    expect(player.cancel()).toBe(true);
    expect(player.cancel()).toBe(false);
    clock.advance(5000);
    expect({ sent: sentAtMs.length, finishedAtMs, timers: clock.pendingTimers }).toEqual({
      sent: 7,
      finishedAtMs: [],
      timers: 0,
    });
  });

  it('plays only the newer of two answers to the end', () => {
    const { clock, play, finishedAtMs } = setUp();
    play(3000);
    clock.advance(100);
    play(60);
    clock.advance(5000);
    expect(finishedAtMs).toEqual([520]);
  });
});
