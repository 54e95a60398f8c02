import { describe, expect, it } from 'vitest';
import { CaptureClock } from '../../src/audio/capture-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const capture = new CaptureClock(clock);
  clock.advance(10_000);
  return { clock, capture };
}

describe('the capture clock', () => {
  it('counts sound, however unevenly it is delivered', () => {
    const { clock, capture } = setUp();
    const starts: number[] = [];
    for (const waitMs of [20, 35, 5, 25, 20, 35]) {
      clock.advance(waitMs);
      starts.push(capture.push(20));
    }
    expect(starts.map((start) => start - (starts[0] as number))).toEqual([0, 20, 40, 60, 80, 100]);
  });

  it('takes the earliest delivery for the truest', () => {
    const { clock, capture } = setUp();
    clock.advance(200);
    capture.push(20);
    clock.advance(5);
    expect(capture.push(20)).toBe(clock.now() - 20);
  });

  it('follows after sound has been lost, and a clock that runs at another speed', () => {
    const { clock, capture } = setUp();
    let startMs = capture.push(20);
    clock.advance(300);
    for (let chunk = 0; chunk < 600; chunk++) {
      clock.advance(20.004);
      startMs = capture.push(20);
    }
    expect(Math.abs(startMs + 20 - clock.now())).toBeLessThan(11);
  });

  it('has noticed a loss within two seconds', () => {
    const { clock, capture } = setUp();
    capture.push(20);
    clock.advance(120);
    for (let chunk = 0; chunk < 100; chunk++) {
      clock.advance(20);
      capture.push(20);
    }
    clock.advance(20);
    expect(capture.push(20)).toBe(clock.now() - 20);
  });

  it('begins anew after a reset', () => {
    const { clock, capture } = setUp();
    capture.push(20);
    clock.advance(60_000);
    capture.reset();
    expect(capture.push(20)).toBe(clock.now() - 20);
  });
});
