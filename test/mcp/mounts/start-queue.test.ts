import { expect, it } from 'vitest';
import { createStartQueue } from '../../../src/mcp/mounts/start-queue.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

it('servers that hang make room after a moment, four by four', async () => {
  const clock = new FakeClock();
  const queue = createStartQueue(clock);
  const begun: string[] = [];
  const start = (name: string, work: Promise<void>) => () => {
    begun.push(name);
    return work;
  };
  for (let n = 0; n < 12; n += 1) queue.add(start(`hangs ${n}`, new Promise(() => {})));
  queue.add(start('good', Promise.resolve()));
  await settle();
  const counts = [begun.length];
  for (let round = 0; round < 3; round += 1) {
    await clock.advanceAsync(1500);
    counts.push(begun.length);
  }
  expect(counts).toEqual([4, 8, 12, 13]);
  await settle();
  queue.stop();
  expect(clock.pendingTimers).toBe(0);
});
