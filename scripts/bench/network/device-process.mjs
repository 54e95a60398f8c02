// What the figures of this folder share inside their processes: a full-duplex conversation, and what it costs.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { entersState, openDevice } from '../device.mjs';
import { speechFrames, speechWav } from '../speech.mjs';
import { wait } from '../statistics.mjs';

/** Speech without a pause, long enough for one conversation. */
export async function recordingOf({ speech, directory, seconds }) {
  const recording = join(directory, 'network-speech.wav');
  await writeFile(recording, speechWav(await speechFrames(speech), seconds));
  return recording;
}

/** A device that is being spoken to and speaks. */
export async function openConversation({ url, recording, directory, clock }) {
  const { device, until, close } = await openDevice({
    websocketUrl: url,
    microphone: `wav:${recording}`,
    mode: 'realtime',
    stateDirectory: directory,
    ...(clock && { clock }),
  });
  const idle = until(entersState('idle'));
  device.start();
  await idle;
  const speaking = until(entersState('speaking'));
  device.send({ type: 'talk.toggled' });
  await speaking;
  return { device, close };
}

export async function cpuMsPerMinute(durationMs) {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await wait(durationMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / ((performance.now() - startMs) / 60_000);
}
