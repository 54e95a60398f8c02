import { expect, test } from 'vitest';
import { createRateLimiter } from '../../src/core/rate-limit.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('the first report passes at once, then one per period with the number held back', () => {
  const clock = new FakeClock();
  const limiter = createRateLimiter(clock, { perKeyMs: 1000 });
  const first = limiter.allow('a');
  clock.advance(500);
  const held = [limiter.allow('a'), limiter.allow('a')];
  clock.advance(500);
  const next = limiter.allow('a');

  expect([first, ...held, next]).toEqual([
    { allowed: true, suppressed: 0 },
    { allowed: false, suppressed: 1 },
    { allowed: false, suppressed: 2 },
    { allowed: true, suppressed: 2 },
  ]);
  expect(limiter.allow('a')).toEqual({ allowed: false, suppressed: 1 });
});

test('a flood lets exactly one report through per period', () => {
  const clock = new FakeClock();
  const limiter = createRateLimiter(clock, { perKeyMs: 1000 });
  let passed = 0;
  for (let i = 0; i < 10_000; i++) {
    if (limiter.allow('flood').allowed) passed += 1;
    clock.advance(1);
  }

  expect(passed).toBe(10);
});

test('keys do not disturb each other, and the one let through longest ago is forgotten first', () => {
  const clock = new FakeClock();
  const limiter = createRateLimiter(clock, { perKeyMs: 1000, maxKeys: 2 });
  const passes = (key: string) => limiter.allow(key).allowed;

  expect([passes('a'), passes('b'), passes('a'), passes('c'), passes('b'), passes('a')]).toEqual([
    true,
    true,
    false,
    true,
    false,
    true,
  ]);
});

test('a key that was let through again is not the oldest any more', () => {
  const clock = new FakeClock();
  const limiter = createRateLimiter(clock, { perKeyMs: 1000, maxKeys: 2 });
  limiter.allow('a');
  clock.advance(1);
  limiter.allow('b');
  clock.advance(999);
  limiter.allow('a');
  limiter.allow('c');

  expect(limiter.allow('a')).toEqual({ allowed: false, suppressed: 1 });
});
