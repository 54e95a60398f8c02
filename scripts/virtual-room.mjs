// The room between a loudspeaker and a microphone, for scripts/virtual-audio: writes what becomes of a single click in it,
// always the same, as a sound file (AU) with which PulseAudio's module-virtual-surround-sink filters what is played. The
// sound server does it by itself: a program between two of its streams would move the echo whenever the machine is busy.
//   node scripts/virtual-room.mjs FILE
import { writeFile } from 'node:fs/promises';

const sampleRateHz = 48_000;
/** The module takes left and right together: everything is heard once. */
const channels = 2;
const lengthMs = 130;

/** Direct sound 4 ms away (1.4 m), then reflections that fade over 120 ms; about 8 dB quieter in all. */
const directGain = 0.35;
const directDelayMs = 4;
const reflectionsOverMs = 120;
const reflectionCount = 32;

const response = new Float64Array(samplesOf(lengthMs));
const random = randomNumbers(7);
response[samplesOf(directDelayMs)] = directGain;
for (let i = 0; i < reflectionCount; i++) {
  const ms = directDelayMs + reflectionsOverMs * random() ** 1.5;
  const sign = random() < 0.5 ? -1 : 1;
  response[samplesOf(ms)] += sign * 0.12 * Math.exp((-4 * ms) / reflectionsOverMs);
}
await writeFile(process.argv[2], soundFile(response));

function soundFile(left) {
  const header = [0x2e736e64, 24, left.length * 2 * channels, 3, sampleRateHz, channels];
  const bytes = Buffer.alloc(24 + left.length * 2 * channels);
  for (const [i, word] of header.entries()) bytes.writeUInt32BE(word, 4 * i);
  for (const [i, sample] of left.entries()) bytes.writeInt16BE(Math.round(sample * 32_767), 24 + 4 * i);
  return bytes;
}

function samplesOf(ms) {
  return Math.round((ms * sampleRateHz) / 1000);
}

function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
