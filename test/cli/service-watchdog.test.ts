import { expect, test } from 'vitest';
import { feedServiceWatchdog } from '../../src/cli/service-watchdog.ts';
import { FakeClock } from '../support/fake-clock.ts';

function fed(env: Readonly<Record<string, string>>) {
  const clock = new FakeClock();
  const told: string[] = [];
  const stop = feedServiceWatchdog({ env, clock, notify: (message) => told.push(message) });
  return { clock, told, stop };
}

test('a service is fed twice as often as it has to be, until it ends', () => {
  const { clock, told, stop } = fed({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000' });
  clock.advance(119_000);
  expect(told).toEqual(new Array(4).fill('WATCHDOG=1'));
  stop();
  clock.advance(600_000);
  expect(told).toHaveLength(4);
  expect(clock.pendingTimers).toBe(0);
});

test.each([
  {},
  { NOTIFY_SOCKET: '/run/x' },
  { WATCHDOG_USEC: '1000000' },
  { NOTIFY_SOCKET: 'x', WATCHDOG_USEC: 'soon' },
])('nobody is told anything where nobody asks: %j', (env) => {
  const { clock, told } = fed(env as Record<string, string>);
  expect([told, clock.pendingTimers]).toEqual([[], 0]);
});
