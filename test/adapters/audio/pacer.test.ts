import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacer, type Pacer } from '../../../src/adapters/audio/pacer.ts';
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

/** A process that is woken once per period by something else, `lateMs` after the ticks would be; how often it is woken at all. */
function woken(clock: FakeClock, pacer: Pacer, periods: number) {
  let wakeUps = 0;
  const counted = pacer.add('capture', () => {
    wakeUps += inWakeUp ? 0 : 1;
  });
  let inWakeUp = false;
  for (let period = 0; period < periods; period++) {
    clock.advance(60);
    wakeUps += 1;
    inWakeUp = true;
    pacer.wokenUp();
    inWakeUp = false;
  }
  counted();
  return wakeUps;
}

test.each([0, 7, 20, 29, 31, 45, 59])(
  'ticks come to be done when packets wake the process, which come %i ms later at first',
  (afterMs) => {
    const clock = new FakeClock();
    const pacer = createPacer(clock, 60);
    const dueMs: number[] = [];
    pacer.add('playback', (due) => dueMs.push(due));
    clock.advance(afterMs);
    woken(clock, pacer, 60);
    expect(woken(clock, pacer, 100)).toBe(100);
    const steps = dueMs.slice(1).map((due, i) => due - (dueMs[i] as number));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(58);
    expect(Math.max(...steps)).toBeLessThanOrEqual(62);
    expect(dueMs.length).toBeGreaterThanOrEqual(159);
  },
);

test('whatever wakes the process and how often, no tick is left out and none comes much too soon', () => {
  const wakeUps = fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 300 });
  fc.assert(
    fc.property(wakeUps, (gapsMs) => {
      const clock = new FakeClock();
      const pacer = createPacer(clock, 60);
      let ticks = 0;
      pacer.add('capture', (dueMs) => {
        ticks += 1;
        expect(dueMs - clock.now()).toBeLessThanOrEqual(8);
        expect(clock.now() - dueMs).toBeLessThanOrEqual(1);
      });
      for (const gapMs of gapsMs) {
        clock.advance(gapMs);
        pacer.wokenUp();
      }
      expect(Math.abs(ticks - clock.now() / 60)).toBeLessThanOrEqual(1.5 + clock.now() / 60 / 59);
    }),
  );
});

test('nobody is woken who is not there', () => {
  const clock = new FakeClock();
  const pacer = createPacer(clock, 60);
  pacer.wokenUp();
  pacer.add('capture', () => pacer.wokenUp());
  clock.advance(60);
  expect(clock.pendingTimers).toBe(1);
});
