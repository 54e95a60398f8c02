// What garbage does to a conversation: frames that were heard, and CPU before, while and after.
import { report, setup } from '../figure-process.mjs';
import { wait } from '../statistics.mjs';
import { cpuMsPerMinute, openConversation, recordingOf } from './device-process.mjs';

const settleMs = 3_000;
const { speech, url, directory, floodMs } = setup;
const recording = await recordingOf({ speech, directory, seconds: (3 * floodMs + 4 * settleMs) / 1000 });
const { device, close } = await openConversation({ url, recording, directory });
await wait(settleMs);

async function watch(during) {
  const before = device.counters.downlink;
  const cpu = cpuMsPerMinute(floodMs);
  await during();
  const cpuMs = await cpu;
  await wait(500);
  const after = device.counters.downlink;
  const grown = (key) => after[key] - before[key];
  return {
    cpuMs,
    played: grown('played'),
    concealed: grown('concealed'),
    late: grown('late'),
    underruns: grown('underruns'),
  };
}

const calm = await watch(() => {});
const flooded = await watch(
  () =>
    new Promise((resolve) => {
      process.once('message', resolve);
      process.send({ type: 'flood' });
    }),
);
await wait(settleMs);
const afterwards = await watch(() => {});
const { rejected } = device.counters.downlink;
await close();
report({ type: 'measured', calm, flooded, afterwards, rejected });
