import { expect, test } from 'vitest';
import { monotonicClock, wait } from '../../src/core/clock.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  await settle();
  return settled;
}

test('waiting ends when the time has come, and not before', async () => {
  const clock = new FakeClock();
  const waiting = wait(clock, 100, new AbortController().signal);

  clock.advance(99);
  expect(await isSettled(waiting)).toBe(false);
  clock.advance(1);
  expect(await isSettled(waiting)).toBe(true);
});

test('an abort ends the wait at once and leaves no timer behind', async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const waiting = wait(clock, 100, abort.signal);
  abort.abort();

  expect(await isSettled(waiting)).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

test('waiting for something already aborted starts nothing', async () => {
  const clock = new FakeClock();

  expect(await isSettled(wait(clock, 100, AbortSignal.abort()))).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

test('the real clock fires its timers unless they are cleared', async () => {
  const fired: string[] = [];
  const cleared = monotonicClock.setTimeout(() => fired.push('cleared'), 0);
  monotonicClock.clearTimeout(cleared);
  const before = monotonicClock.now();
  await new Promise<void>((resolve) => {
    monotonicClock.setTimeout(() => {
      fired.push('kept');
      resolve();
    }, 1);
  });

  expect(fired).toEqual(['kept']);
  expect(monotonicClock.now()).toBeGreaterThan(before);
});
