import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A clock whose timers fire late, as they do on a busy machine. */
function lateClock(clock: FakeClock, lateMs: () => number): Clock {
  return {
    now: clock.now,
    setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs + lateMs()),
    clearTimeout: clock.clearTimeout,
  };
}

test('one wake-up serves everybody, microphones first', () => {
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  const order: string[] = [];
  pacer.add('playback', () => order.push('loudspeaker'));
  pacer.add('capture', () => order.push('microphone'));
  clock.advance(60);
  expect(order).toEqual(['microphone', 'loudspeaker']);
  expect(clock.pendingTimers).toBe(1);
});

test('without subscribers no timer runs', () => {
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  expect(clock.pendingTimers).toBe(0);
  const leave = pacer.add('capture', () => {});
  expect(clock.pendingTimers).toBe(1);
  leave();
  leave();
  expect(clock.pendingTimers).toBe(0);
});

test('late timers do not make it drift', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 20 }), (delays) => {
      const clock = new FakeClock();
      let i = 0;
      const pacer = createPacer(
        lateClock(clock, () => delays[i++ % delays.length] ?? 0),
        60,
      );
      const due: number[] = [];
      pacer.add('playback', (dueMs) => due.push(dueMs));
      clock.advance(6_040);
      expect(due).toEqual(Array.from({ length: 100 }, (_, n) => (n + 1) * 60));
    }),
  );
});

test('a short stall is made up for, a long one is skipped and counted', () => {
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  const due: number[] = [];
  pacer.add('playback', (dueMs) => due.push(dueMs));
  clock.advance(60);
  // The timer for 120 is armed already; it fires when the process comes back.
  const stall = (ms: number) => {
    const held = clock.now;
    clock.now = () => held() + ms;
  };
  stall(180);
  clock.advance(60);
  expect(due).toEqual([60, 120, 180, 240, 300]);
  expect(pacer.skippedPeriods).toBe(0);
  stall(3_600_000);
  clock.advance(60);
  expect(pacer.skippedPeriods).toBe(59_991);
  expect(due.length).toBe(15);
});

test('who leaves and comes back within a tick neither doubles the timer nor stops it', () => {
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  let ticks = 0;
  let leave = () => {};
  const onTick = () => {
    ticks += 1;
    leave();
    leave = pacer.add('playback', onTick);
  };
  leave = pacer.add('playback', onTick);
  clock.advance(600);
  expect(clock.pendingTimers).toBe(1);
  expect(ticks).toBeLessThanOrEqual(11);
  expect(ticks).toBeGreaterThanOrEqual(9);
});

test('a timer that fires a moment early is taken as on time, without another wake-up', () => {
  const clock = new FakeClock();
  let wakeUps = 0;
  const pacer = createPacer(
    lateClock(clock, () => {
      wakeUps += 1;
      return -0.7;
    }),
    60,
  );
  const due: number[] = [];
  pacer.add('playback', (dueMs) => due.push(dueMs));
  clock.advance(600);
  expect(due).toEqual([60, 120, 180, 240, 300, 360, 420, 480, 540, 600]);
  expect(wakeUps).toBe(11);
});
