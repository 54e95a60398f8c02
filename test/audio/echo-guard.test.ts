import { expect, it } from 'vitest';
import { EchoGuard } from '../../src/audio/echo-guard.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { tone } from '../support/signals.ts';

const rateHz = 16_000;
const frame = (amplitude: number) => tone(400, rateHz, 10, amplitude);

/** A loudspeaker that plays while so much of it is left in the near end; tells which frames pass for a person. */
function play(guard: EchoGuard, clock: FakeClock, frames: number, far: number, near: number): boolean[] {
  return Array.from({ length: frames }, () => {
    guard.played(frame(far), rateHz, 10);
    clock.advance(10);
    return guard.isNearEnd(frame(near));
  });
}

it('learns within 2 s how much echo is left, to 3 dB', () => {
  const clock = new FakeClock();
  const guard = new EchoGuard(clock);
  play(guard, clock, 200, 0.5, 0.005);
  expect(Math.abs(guard.echoDb + 40)).toBeLessThan(3);
});

it('takes no echo for a person, not even before it knows anything', () => {
  const clock = new FakeClock();
  const guard = new EchoGuard(clock);
  expect(play(guard, clock, 300, 0.5, 0.25)).not.toContain(true);
});

it('tells a person who is quieter than the loudspeaker, once the canceller works', () => {
  const clock = new FakeClock();
  const guard = new EchoGuard(clock);
  play(guard, clock, 300, 0.5, 0.001);
  expect(play(guard, clock, 30, 0.5, 0.05)).not.toContain(false);
});

it('hears a person at once when nothing is played', () => {
  const guard = new EchoGuard(new FakeClock());
  expect([guard.isNearEnd(frame(0.02)), guard.isNearEnd(frame(0.001))]).toEqual([true, false]);
});

it('waits for the reverberation of what was played last', () => {
  const clock = new FakeClock();
  const guard = new EchoGuard(clock);
  play(guard, clock, 1, 0.5, 0);
  clock.advance(200);
  expect(guard.isNearEnd(frame(0.2))).toBe(false);
  clock.advance(200);
  expect(guard.isNearEnd(frame(0.2))).toBe(true);
});

it('forgets a person who was taken for one, and learns a louder echo in some seconds', () => {
  const clock = new FakeClock();
  const guard = new EchoGuard(clock);
  play(guard, clock, 300, 0.5, 0.001);
  play(guard, clock, 600, 0.5, 0.1);
  expect(play(guard, clock, 30, 0.5, 0.1)).not.toContain(true);
});

it('is careful again for half a second when the loudspeaker has rested, because its echo may come at another time', () => {
  const clock = new FakeClock();
  const guard = new EchoGuard(clock);
  play(guard, clock, 300, 0.5, 0.001);
  clock.advance(900);
  expect(play(guard, clock, 50, 0.5, 0.2)).not.toContain(true);
  expect(play(guard, clock, 10, 0.5, 0.2)).toContain(true);
});
