import { describe, expect, it } from 'vitest';
import { createMessagePump } from '../../src/core/message-pump.ts';
import { FakeClock } from '../support/fake-clock.ts';

function pumped() {
  const clock = new FakeClock();
  const handled: number[] = [];
  let reading = true;
  const pump = createMessagePump<number>({
    clock,
    allowance: { burst: 3, perMs: 0.1 },
    handle: (message) => void handled.push(message),
    pause: () => {
      reading = false;
    },
    resume: () => {
      reading = true;
    },
  });
  return { clock, handled, pump, reading: () => reading };
}

describe('messages of a peer', () => {
  it('are handled at once while it keeps to its allowance', () => {
    const { pump, handled, reading } = pumped();
    pump.push(1);
    pump.push(2);
    expect(handled).toEqual([1, 2]);
    expect(reading()).toBe(true);
  });

  it('wait in order when it says more, one by one, and nothing is read meanwhile', () => {
    const { clock, pump, handled, reading } = pumped();
    for (let message = 1; message <= 5; message++) pump.push(message);
    expect(handled).toEqual([1, 2, 3]);
    expect(reading()).toBe(false);
    pump.push(6);
    clock.advance(1);
    expect(handled).toEqual([1, 2, 3, 4]);
    clock.advance(2);
    expect(handled).toEqual([1, 2, 3, 4, 5, 6]);
    expect(reading()).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('may come in a burst again after a while', () => {
    const { clock, pump, handled } = pumped();
    for (let message = 1; message <= 4; message++) pump.push(message);
    clock.advance(1000);
    for (let message = 5; message <= 8; message++) pump.push(message);
    expect(handled).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('may be cheap', () => {
    const { pump, handled } = pumped();
    for (let message = 0; message < 20; message++) pump.push(message, 0.1);
    expect(handled).toHaveLength(20);
  });

  it('are dropped when the connection is over, even by one of them', () => {
    const { clock, pump, handled, reading } = pumped();
    for (let message = 1; message <= 8; message++) pump.push(message);
    pump.stop();
    pump.push(9);
    clock.advance(1000);
    expect(handled).toEqual([1, 2, 3]);
    expect(reading()).toBe(true);
  });
});
