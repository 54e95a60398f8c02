import { expect, it } from 'vitest';
import { LifeWatch } from '../../../src/adapters/transport/life-watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it('gives the other end another chance when the program itself stood still', () => {
  const time = new FakeClock();
  let stoodStillMs = 0;
  const clock = { ...time, now: () => time.now() + stoodStillMs };
  let probes = 0;
  let dead = 0;
  const watch = new LifeWatch({
    clock,
    probe: () => {
      probes += 1;
    },
    onDead: () => {
      dead += 1;
    },
  });
  time.advance(10_000);
  watch.sending();
  stoodStillMs = 30_000;
  time.advance(5_000);
  expect([probes, dead]).toEqual([2, 0]);
  time.advance(5_000);
  expect([probes, dead]).toEqual([2, 1]);
});
