import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { nextLoopTurn } from '../../src/core/loop-turns.ts';

test('one is let through at once, the others one in a turn of the event loop, in order', async () => {
  await nextTurn();
  const through: string[] = [];
  const enter = async (name: string) => {
    await nextLoopTurn();
    through.push(name);
  };
  const all = Promise.all(['a', 'b', 'c'].map(enter));
  const seen: string[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await Promise.resolve();
    seen.push(through.join(''));
    await nextTurn();
  }
  await all;
  expect(seen).toEqual(['a', 'ab', 'abc']);
  await nextTurn();
  expect(nextLoopTurn()).toBeUndefined();
});
