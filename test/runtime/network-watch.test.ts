import { expect, it } from 'vitest';
import { watchNetwork } from '../../src/runtime/network-watch.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeTime } from '../support/fake-time.ts';

function watched() {
  const clock = new FakeClock();
  const time = new FakeTime(clock);
  const told: string[] = [];
  const network = { addresses: ['wlan0 192.168.1.7', 'wlan0 fe80::1'] };
  const stop = watchNetwork({
    clock,
    time,
    addresses: () => network.addresses,
    onChange: (what) => told.push(what),
  });
  return { clock, time, told, network, stop };
}

it('notices another address within twenty seconds, once, and also that there is none any more', () => {
  const { clock, told, network } = watched();
  network.addresses = ['wlan0 fe80::1', 'wlan0 10.0.0.3'];
  clock.advance(20_000);
  clock.advance(60_000);
  expect(told).toEqual(['address']);
  network.addresses = [];
  clock.advance(20_000);
  expect(told).toEqual(['address', 'address']);
});

it('notices that the computer has slept, and not that somebody has set the date', () => {
  const { clock, time, told } = watched();
  time.set(Date.UTC(2036, 0, 1));
  clock.advance(40_000);
  expect(told).toEqual([]);
  time.suspend(3_600_000);
  clock.advance(20_000);
  clock.advance(60_000);
  expect(told).toEqual(['sleep']);
});

it('has nothing to say while all stays as it is, in whatever order addresses are listed, and ends when told to', () => {
  const { clock, told, network, stop } = watched();
  network.addresses = [...network.addresses].reverse();
  clock.advance(3_600_000);
  stop();
  expect([told, clock.pendingTimers]).toEqual([[], 0]);
});
