import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDevice } from './running-device.mjs';
import { wait } from './statistics.mjs';

const warmUpMs = 5_000;
const dataChunkHeaderBytes = 8;

/** CPU in ms a minute of one full-duplex conversation, in slices in turn: without a recording, and with one of the microphone. */
export async function measureRecordingCpu({ rounds, sliceMs, otaUrl, speech, format, directory }) {
  const home = await mkdtemp(join(directory, 'recording-'));
  const microphone = join(home, 'long.wav');
  const seconds = (2 * (rounds + 2) * (sliceMs + 1000) + warmUpMs) / 1000;
  await writeFile(microphone, repeated(await readFile(speech), seconds));
  const device = await startDevice({
    home,
    options: [
      ...['--server', otaUrl, '--mic', `wav:${microphone}`, '--speaker', 'null', '--mode', 'realtime'],
      ...['--start', '--set', `recordings.format=${format}`],
    ],
  });
  try {
    await wait(warmUpMs);
    return await slicesInTurn(device, rounds, sliceMs);
  } finally {
    await device.stop();
  }
}

async function slicesInTurn(device, rounds, sliceMs) {
  const slice = async () => {
    const startMs = performance.now();
    const before = await device.cpuMs();
    await wait(sliceMs);
    return ((await device.cpuMs()) - before) / ((performance.now() - startMs) / 60_000);
  };
  const recorded = async () => {
    await device.callTool('self.recorder.start', { source: 'microphone' });
    const cpuMs = await slice();
    await device.callTool('self.recorder.stop', {});
    return cpuMs;
  };
  const slices = { without: slice, with: recorded };
  const measured = { without: [], with: [] };
  for (let round = -1; round < rounds; round++) {
    // V8 goes on compiling for minutes: what comes second is cheaper for that alone, so each is second in turn.
    for (const which of round % 2 ? ['with', 'without'] : ['without', 'with']) {
      const cpuMs = await slices[which]();
      // The first round warms up.
      if (round >= 0) measured[which].push(cpuMs);
    }
  }
  return measured;
}

/** A WAV file of 16-bit mono sound that goes on from its beginning for `seconds`. */
function repeated(wav, seconds) {
  const data = wav.indexOf('data') + dataChunkHeaderBytes;
  const sound = wav.subarray(data);
  const byteRate = wav.readUInt32LE(28);
  const times = Math.ceil((seconds * byteRate) / sound.length);
  const header = Buffer.from(wav.subarray(0, data));
  header.writeUInt32LE(times * sound.length, data - 4);
  header.writeUInt32LE(data - dataChunkHeaderBytes + times * sound.length, 4);
  return Buffer.concat([header, ...Array.from({ length: times }, () => sound)]);
}
