// Results that wait to be told, in the machine of a device that never gets round to it.
import { createActor, fromCallback, fromPromise } from 'xstate';
import { deviceMachine } from '../../../src/machine/device-machine.ts';
import { taskIdsOf } from '../../../src/mcp/announcements/mailbox.ts';
import { machineSettings } from '../bare-device.mjs';
import { report, setup } from '../figure-process.mjs';

const { mails } = setup;
const machine = deviceMachine.provide({
  actors: {
    channel: fromCallback(() => {}),
    link: fromCallback(() => {}),
    checkProvisioning: fromPromise(async () => ({ kind: 'ready' })),
    activate: fromPromise(async () => {}),
    recordSending: fromPromise(async () => {}),
  },
});
const clock = { setTimeout: () => undefined, clearTimeout: () => {} };
const actor = createActor(machine, { clock, input: { ...machineSettings('auto'), mailboxCapacity: mails } });
actor.start();
await new Promise((resolve) => setImmediate(resolve));

gc();
const before = process.memoryUsage();
let peakRss = before.rss;
for (let n = 0; n < mails; n++) {
  const mail = { taskId: `t${n}`, tool: `tool_${n % 50}`, outcome: 'done', text: `result number ${n}` };
  actor.send({ type: 'tool.completed', mail });
  if (n % 100 === 0) {
    peakRss = Math.max(peakRss, process.memoryUsage().rss);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
gc();
const { heapUsed, rss } = process.memoryUsage();
const order = taskIdsOf(actor.getSnapshot().context.mailbox);
report({
  heapMb: (heapUsed - before.heapUsed) / 1e6,
  rssMb: (rss - before.rss) / 1e6,
  peakRssMb: (peakRss - before.rss) / 1e6,
  inOrder: order.length === mails && order.every((id, n) => id === `t${n}`),
});
