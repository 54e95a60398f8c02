// What each binding of libopus costs for the same minute of speech, both ways, in turn.
import { guardedCodec } from '../../../src/adapters/audio/opus-guards.ts';
import { loadNativeParts } from '../../../src/adapters/native/addon.ts';
import { opusCandidates } from '../../../src/app-codec.ts';
import { report, setup } from '../figure-process.mjs';
import { downlinkHz, encoderSettings, frameDurationMs, speechFrames, speechPackets } from '../speech.mjs';

const { rounds, speech, addon } = setup;
const frames = await speechFrames(speech);
const framesAMinute = 60_000 / frameDurationMs;
const codecs = new Map();
for (const { name, load } of opusCandidates) {
  const engine = name === 'the native add-on' ? loadNativeParts(addon).opusEngine : await tried(load);
  if (engine) codecs.set(name, guardedCodec(engine));
}
const packets = speechPackets([...codecs.values()][0], frames);

async function tried(load) {
  try {
    return await load();
  } catch {
    return undefined;
  }
}

function cpuMsOfAMinute(codec) {
  const encoder = codec.createEncoder(encoderSettings);
  const decoder = codec.createDecoder(downlinkHz);
  const before = process.cpuUsage();
  for (let n = 0; n < framesAMinute; n++) {
    encoder.encode(frames[n % frames.length]);
    decoder.decode(packets[n % packets.length]);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const cpuMs = Object.fromEntries([...codecs.keys()].map((name) => [name, []]));
for (const codec of codecs.values()) cpuMsOfAMinute(codec);
for (let round = 0; round < rounds; round++) {
  for (const [name, codec] of codecs) cpuMs[name].push(cpuMsOfAMinute(codec));
}
report(cpuMs);
