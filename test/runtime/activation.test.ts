import { expect, it, vi } from 'vitest';
import { createActor } from 'xstate';
import { silentLogger } from '../../src/core/logger.ts';
import type { ActivationOutcome } from '../../src/ports/provisioning.ts';
import { createProvisioningActors } from '../../src/runtime/provisioning-actors.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';

/** A server that answers each activation request with the same outcome. */
function start(outcome: ActivationOutcome) {
  const clock = new FakeClock();
  const activate = vi.fn(() => Promise.resolve(outcome));
  const actors = createProvisioningActors({
    provisioning: { url: 'http://host/ota/', check: () => Promise.reject(new Error('not asked')), activate },
    memory: { recall: () => undefined, remember: () => Promise.resolve() },
    useAnswer: () => {},
    clock,
    logger: silentLogger,
  });
  return {
    clock,
    activate,
    poll: async () => {
      const actor = createActor(actors.activate).start();
      await settle();
      return actor;
    },
  };
}

it('asks the OTA server again as soon as the device is activated', async () => {
  const { poll } = start('activated');
  expect((await poll()).getSnapshot().status).toBe('done');
});

it('asks a server that calls the device activated without knowing it every three seconds, not all the time', async () => {
  const { clock, activate, poll } = start('activated');
  await poll();

  const again = await poll();
  await clock.advanceAsync(2_999);
  expect(again.getSnapshot().status).toBe('active');
  await clock.advanceAsync(1);

  expect(again.getSnapshot().status).toBe('done');
  expect(activate).toHaveBeenCalledTimes(2);
  expect(clock.pendingTimers).toBe(0);
});

it('polls ten times in one go, every three seconds while the person has not entered the code', async () => {
  const { clock, activate, poll } = start('pending');
  const polling = await poll();
  await clock.advanceAsync(29_999);
  expect([polling.getSnapshot().status, activate.mock.calls.length]).toEqual(['active', 10]);
  await clock.advanceAsync(1);
  expect(polling.getSnapshot().status).toBe('done');
});
