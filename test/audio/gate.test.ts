import { describe, expect, it } from 'vitest';
import { Gate } from '../../src/audio/gate.ts';
import { FakeClock } from '../support/fake-clock.ts';

function open(capacity = 3, maxAgeMs = 1_000) {
  const clock = new FakeClock();
  const passed: number[] = [];
  const gate = new Gate<number>({
    clock,
    capacity,
    maxAgeMs,
    copy: (item) => item,
    sink: (item) => passed.push(item),
  });
  return { clock, gate, passed };
}

describe('a gate that holds', () => {
  it('passes the newest when it opens, and counts what did not fit', () => {
    const { gate, passed } = open();
    gate.set('holding');
    for (const item of [1, 2, 3, 4]) gate.push(item);
    gate.set('open');
    expect([passed, gate.dropped]).toEqual([[2, 3, 4], 1]);
  });

  it('forgets what is too old', () => {
    const { clock, gate, passed } = open();
    gate.set('holding');
    gate.push(1);
    clock.advance(1_001);
    gate.push(2);
    gate.set('open');
    expect([passed, gate.dropped]).toEqual([[2], 1]);
  });
});

describe('a gate that remembers', () => {
  it('passes the newest when it is told to, in any number of times', () => {
    const { gate, passed } = open();
    gate.set('remembering');
    for (const item of [1, 2, 3, 4]) gate.push(item);
    gate.release();
    gate.push(5);
    gate.release();
    expect([passed, gate.dropped]).toEqual([[2, 3, 4, 5], 0]);
  });

  it.each(['open', 'holding', 'closed'] as const)('passes nothing of it when it becomes %s', (position) => {
    const { gate, passed } = open();
    gate.set('remembering');
    gate.push(1);
    gate.set(position);
    gate.set('open');
    gate.push(2);
    expect(passed).toEqual([2]);
  });
});
