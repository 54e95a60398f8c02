import { expect, it } from 'vitest';
import { createIdleWatch } from '../../src/runtime/idle-watch.ts';
import { startIsOver } from '../../src/runtime/start-over.ts';
import { FakeClock } from '../support/fake-clock.ts';

function start() {
  const clock = new FakeClock();
  const idle = createIdleWatch();
  const closing = new AbortController();
  let isOver = false;
  void startIsOver(idle, clock, closing.signal).then(() => {
    isOver = true;
  });
  return {
    clock,
    closing,
    becomesIdle: () => idle.set(true),
    talks: () => idle.set(false),
    isOver: () => isOver,
  };
}

it('is over when the device has been ready for a second, whatever it does then', async () => {
  const { clock, becomesIdle, talks, isOver } = start();
  await clock.advanceAsync(300);
  becomesIdle();
  talks();

  await clock.advanceAsync(999);
  expect(isOver()).toBe(false);

  await clock.advanceAsync(1);
  expect(isOver()).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

it('is over after five seconds for a device that does not become ready', async () => {
  const { clock, isOver } = start();
  await clock.advanceAsync(4999);
  expect(isOver()).toBe(false);

  await clock.advanceAsync(1);
  expect(isOver()).toBe(true);
});

it('is over at the latest after five seconds', async () => {
  const { clock, becomesIdle, isOver } = start();
  await clock.advanceAsync(4500);
  becomesIdle();

  await clock.advanceAsync(500);

  expect(isOver()).toBe(true);
  expect(clock.pendingTimers).toBe(0);
});

it('is never over for a device that is closed meanwhile, and leaves no timer', async () => {
  const { clock, closing, becomesIdle, isOver } = start();
  becomesIdle();
  await clock.advanceAsync(500);

  closing.abort();
  becomesIdle();

  expect(clock.pendingTimers).toBe(0);
  await clock.advanceAsync(10_000);
  expect(isOver()).toBe(false);
});
