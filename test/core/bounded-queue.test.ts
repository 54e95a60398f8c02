import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedQueue, type OverflowPolicy } from '../../src/core/bounded-queue.ts';

test('gives items back in the order they came', () => {
  const queue = new BoundedQueue<string>(3, 'drop-oldest');
  for (const item of ['a', 'b', 'c']) queue.push(item);

  expect([queue.peek(), queue.shift(), queue.shift(), queue.shift(), queue.shift(), queue.peek()]).toEqual([
    'a',
    'a',
    'b',
    'c',
    undefined,
    undefined,
  ]);
});

test('a full queue loses the oldest or refuses the newest, as its policy says, and counts it', () => {
  const outcome = (policy: OverflowPolicy) => {
    const queue = new BoundedQueue<number>(2, policy);
    const accepted = [1, 2, 3].map((item) => queue.push(item));
    return { accepted, dropped: queue.dropped, rest: [queue.shift(), queue.shift()] };
  };

  expect(outcome('drop-oldest')).toEqual({ accepted: [true, true, false], dropped: 1, rest: [2, 3] });
  expect(outcome('drop-newest')).toEqual({ accepted: [true, true, false], dropped: 1, rest: [1, 2] });
});

test('clearing tells how much was held and does not count as a loss', () => {
  const queue = new BoundedQueue<number>(4, 'drop-oldest');
  queue.push(1);
  queue.push(2);

  expect([queue.clear(), queue.length, queue.dropped, queue.shift()]).toEqual([2, 0, 0, undefined]);
});

test('behaves like an array that is cut to size, whatever is done to it', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ op: fc.constant('push' as const), item: fc.integer() }) },
    { weight: 3, arbitrary: fc.constant({ op: 'shift' as const }) },
    { weight: 1, arbitrary: fc.constant({ op: 'clear' as const }) },
  );
  const policy = fc.constantFrom<OverflowPolicy>('drop-oldest', 'drop-newest');

  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      policy,
      fc.array(step, { maxLength: 60 }),
      (size, rule, steps) => {
        const queue = new BoundedQueue<number>(size, rule);
        const model: number[] = [];
        let dropped = 0;
        for (const action of steps) {
          if (action.op === 'push') {
            queue.push(action.item);
            if (model.length === size) dropped += 1;
            if (model.length < size) model.push(action.item);
            else if (rule === 'drop-oldest') model.splice(0, size, ...model.slice(1), action.item);
          } else if (action.op === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else {
            expect(queue.clear()).toBe(model.splice(0).length);
          }
          expect([queue.length, queue.peek(), queue.dropped]).toEqual([model.length, model[0], dropped]);
        }
      },
    ),
  );
});
