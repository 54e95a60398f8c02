import { expect, it } from 'vitest';
import type { Tasks } from '../../src/mcp/tasks.ts';
import { createVerbs } from '../../src/runtime/verbs.ts';
import { DeviceHarness } from '../support/device-harness.ts';
import { settle } from '../support/fake-clock.ts';

/** A device whose disk writes when the test lets it. */
function steered(harness: DeviceHarness) {
  let write = () => {};
  const verbs = createVerbs({
    device: harness.device,
    tasks: {} as Tasks,
    keep: {
      volume: () => {},
      microphoneMuted: () => new Promise<void>((resolve) => (write = resolve)),
    },
  });
  return { verbs, write: () => write() };
}

it('a microphone counts as switched off when a power cut could not switch it on again', async () => {
  const { verbs, write } = steered(await DeviceHarness.idle());
  let answered = false;
  const muting = verbs.perform({ verb: 'mute', what: 'microphone', muted: true });
  void muting.then(() => {
    answered = true;
  });
  await settle();
  expect([answered, verbs.state().microphoneMuted]).toEqual([false, true]);
  write();
  expect(await muting).toMatchObject({ microphoneMuted: true });
});

it('what is asked before the device begins counts from its beginning', async () => {
  const harness = new DeviceHarness();
  const { verbs, write } = steered(harness);
  const muting = verbs.perform({ verb: 'mute', what: 'microphone', muted: true });
  write();
  await muting;
  await verbs.perform({ verb: 'talk', action: 'toggle' });
  harness.device.start();
  await harness.greet();
  await harness.pass(600);
  expect([harness.status, verbs.state().microphoneMuted, harness.device.counters.uplink.captured]).toEqual([
    'listening',
    true,
    0,
  ]);
});

it('a device that ends says so, and does nothing of what it is asked', async () => {
  const harness = await DeviceHarness.idle();
  const { verbs } = steered(harness);
  const ending = harness.device.stop();
  await expect(verbs.perform({ verb: 'volume', percent: 7 })).rejects.toMatchObject({
    code: 'NOT_READY',
    message: 'The device is ending. Ask again when it has started anew.',
  });
  await ending;
  expect(harness.device.volumePercent).toBe(100);
});
