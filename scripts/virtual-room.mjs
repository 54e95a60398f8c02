// A room between a loudspeaker and a microphone, used by scripts/virtual-audio: what is recorded at SOURCE is played into
// SINK, quieter, later and with reflections, always the same ones.
//   node scripts/virtual-room.mjs SOURCE SINK
import { spawn } from 'node:child_process';

const [source, sink] = process.argv.slice(2);
const sampleRateHz = 48_000;
const format = ['--raw', '--format=s16le', `--rate=${sampleRateHz}`, '--channels=1', '--latency-msec=40'];

/** Direct sound 4 ms away (1.4 m), then reflections that fade over 120 ms; about 8 dB quieter in all. */
const directGain = 0.35;
const directDelayMs = 4;
const reflectionsOver = 120;
const reflectionCount = 32;
const maxLateMs = 80;

const reflections = makeReflections();
const longest = Math.max(...reflections.map(({ delay }) => delay));
let past = new Float32Array(longest);

const recorder = spawn('parec', ['-d', source, ...format], { stdio: ['ignore', 'pipe', 'inherit'] });
const player = spawn('pacat', ['-d', sink, ...format], { stdio: ['pipe', 'ignore', 'inherit'] });
let odd = Buffer.alloc(0);
/** When what has been given to the player will have been played. */
let endsAtMs = 0;
recorder.stdout.on('data', (bytes) => {
  const whole = odd.length === 0 ? bytes : Buffer.concat([odd, bytes]);
  const even = whole.length & ~1;
  odd = whole.subarray(even);
  const sound = reflect(whole.subarray(0, even));
  // After a moment in which this machine was busy the same sound would stay late for ever, in pipes nobody can look into.
  const nowMs = performance.now();
  endsAtMs = Math.max(endsAtMs, nowMs);
  if (endsAtMs - nowMs > maxLateMs) return;
  endsAtMs += even / 2 / (sampleRateHz / 1000);
  player.stdin.write(sound);
});
player.stdin.on('error', end);
recorder.on('exit', end);
player.on('exit', end);
process.on('SIGTERM', end);

function end() {
  recorder.kill();
  player.kill();
  process.exit();
}

function reflect(bytes) {
  const samples = bytes.length / 2;
  const heard = new Float32Array(longest + samples);
  heard.set(past);
  for (let i = 0; i < samples; i++) heard[longest + i] = bytes.readInt16LE(2 * i);
  past = heard.slice(samples);
  const out = Buffer.alloc(bytes.length);
  for (let i = 0; i < samples; i++) {
    let sum = 0;
    for (const { delay, gain } of reflections) sum += gain * heard[longest + i - delay];
    out.writeInt16LE(Math.max(-32_768, Math.min(32_767, Math.round(sum))), 2 * i);
  }
  return out;
}

function makeReflections() {
  const random = randomNumbers(7);
  const list = [{ delay: Math.round((directDelayMs * sampleRateHz) / 1000), gain: directGain }];
  for (let i = 0; i < reflectionCount; i++) {
    const ms = directDelayMs + reflectionsOver * random() ** 1.5;
    const gain = (random() < 0.5 ? -1 : 1) * 0.12 * Math.exp((-4 * ms) / reflectionsOver);
    list.push({ delay: Math.round((ms * sampleRateHz) / 1000), gain });
  }
  return list;
}

function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
