// What each sound backend does on the virtual cable. Every figure includes the 5 to 10 ms of what stands at the other end.

import { microphoneOf } from '../../../src/adapters/audio/capture.ts';
import { createPortAudioLoudspeaker } from '../../../src/adapters/audio/loudspeaker-naudiodon.ts';
import { createSpeakerLoudspeaker } from '../../../src/adapters/audio/loudspeaker-speaker.ts';
import { createRecordCapture } from '../../../src/adapters/audio/microphone-lpcm16.ts';
import { createPortAudioCapture } from '../../../src/adapters/audio/microphone-naudiodon.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { Uplink } from '../../../src/audio/uplink.ts';
import { monotonicClock as clock } from '../../../src/core/clock.ts';
import { encoderSettings, frameDurationMs, uplinkHz } from '../speech.mjs';
import { median, percentile, wait } from '../statistics.mjs';
import { click, createEar, recordCable, tone } from './cable.mjs';
import { atMost, info } from './rows.mjs';

const CLICKS = 30;
const FLUSHES = 10;
const ANSWER_MS = 300;
const surroundings = { env: process.env, alsaDirectory: '/nowhere' };
const pacer = createPacer(clock, frameDurationMs);
const speaker = (device) => createSpeakerLoudspeaker({ pacer, surroundings, device });
const record = (device) => microphoneOf(createRecordCapture({ clock, surroundings, device }));

const microphones = {
  'record (parec)': () => record(undefined),
  'record (arecord)': () => record('pulse:microphone'),
  portaudio: () => microphoneOf(createPortAudioCapture({ clock, env: process.env, device: 'microphone' })),
};
const loudspeakers = {
  speaker: () => speaker('loudspeaker'),
  portaudio: () => createPortAudioLoudspeaker({ pacer, env: process.env, device: 'loudspeaker' }),
};

export async function measureMicrophones({ toneSeconds }) {
  const rows = [];
  for (const [name, create] of Object.entries(microphones)) {
    rows.push(...(await measureMicrophone(name, create(), toneSeconds)));
  }
  return rows;
}

export async function measureLoudspeakers({ toneSeconds }) {
  const rows = [];
  for (const [name, create] of Object.entries(loudspeakers)) {
    rows.push(...(await measureLoudspeaker(name, create(), toneSeconds)));
  }
  return rows;
}

async function measureMicrophone(name, microphone, toneSeconds) {
  const source = speaker('to_microphone');
  const device = createEar(() => microphone.sampleRateHz);
  const wire = createEar(() => uplinkHz);
  const uplink = await createUplink(wire);
  await source.start(fail);
  const openedMs = await opening(microphone, (pcm) => {
    device.hear(pcm);
    uplink.push(pcm);
  });
  uplink.useInputRate(microphone.sampleRateHz);
  const toWireMs = [];
  for (let i = 0; i < CLICKS; i++) {
    wire.reset();
    const fromMs = performance.now();
    await source.write(click(source.sampleRateHz));
    await wait(350 + 7 * i);
    toWireMs.push(wire.arrivedAtMs - fromMs);
  }
  await steadyTone(source, device, toneSeconds);
  const { holes, longestHoleMs } = device;
  const xruns = microphone.xruns;
  await microphone.stop();
  await source.stop();
  const worst = `p95 ${Math.round(percentile(toWireMs, 0.95))} ms`;
  return [
    atMost(`${name}: capture to wire, p50`, median(toWireMs), 'ms', frameDurationMs + 15, worst),
    atMost(`  holes ≥ 5 ms in ${toneSeconds} s`, holes, '', 0, `longest gap ${Math.round(longestHoleMs)} ms`),
    info('  xruns told', xruns, ''),
    info('  open after a key', openedMs, 'ms', 'until the first sound is there'),
  ];
}

async function createUplink(wire) {
  const codec = await loadOpusCodec();
  const decoder = codec.createDecoder(uplinkHz);
  const encoder = codec.createEncoder({ ...encoderSettings, discontinuousTransmission: false });
  const uplink = new Uplink({ encoder, clock, preRollMs: 0, onProblem: fail });
  uplink.setGate('open');
  uplink.connect((packet) => {
    wire.hear(decoder.decode(packet));
    return true;
  });
  return uplink;
}

async function opening(microphone, onChunk) {
  const fromMs = performance.now();
  let isFirst = true;
  let openedMs = 0;
  await microphone.start({
    onChunk: (pcm) => {
      if (isFirst)
        openedMs = performance.now() - fromMs - (pcm.length / (microphone.sampleRateHz || uplinkHz)) * 1000;
      isFirst = false;
      onChunk(pcm);
    },
    onError: fail,
  });
  await wait(1_000);
  return Math.max(0, openedMs);
}

async function measureLoudspeaker(name, loudspeaker, toneSeconds) {
  const ear = createEar(() => 24_000);
  const recorder = recordCable('loudspeaker.monitor', ear);
  await loudspeaker.start(fail);
  await wait(1_000);
  const latencies = [];
  for (let i = 0; i < CLICKS; i++) {
    ear.reset();
    const fromMs = performance.now();
    await loudspeaker.write(click(loudspeaker.sampleRateHz));
    await wait(300 + 7 * i);
    latencies.push(ear.firstAtMs - fromMs);
  }
  const lostMs = [];
  const silentMs = [];
  for (let i = 0; i < FLUSHES; i++) {
    ear.reset();
    for (let frame = 0; frame < ANSWER_MS / frameDurationMs; frame++)
      await loudspeaker.write(tone(loudspeaker.sampleRateHz, frameDurationMs, frame));
    await wait(ANSWER_MS + 300);
    lostMs.push(ANSWER_MS - ear.loudMs);
    for (let frame = 0; frame < 10; frame++)
      await loudspeaker.write(tone(loudspeaker.sampleRateHz, frameDurationMs, frame));
    const flushedAtMs = performance.now();
    loudspeaker.flush();
    await wait(400);
    silentMs.push(ear.lastAtMs - flushedAtMs);
  }
  await steadyTone(loudspeaker, ear, toneSeconds);
  const { holes, longestHoleMs } = ear;
  const { xruns } = loudspeaker;
  await loudspeaker.stop();
  recorder.kill();
  const worst = `p95 ${Math.round(percentile(latencies, 0.95))} ms`;
  return [
    atMost(`${name}: heard after a frame is due, p50`, median(latencies), 'ms', 40, worst),
    atMost('  silent after a key, longest', Math.max(...silentMs), 'ms', 60, `of ${FLUSHES}`),
    atMost('  lost of the first syllable, most', Math.max(0, ...lostMs), 'ms', 2, `of ${FLUSHES}`),
    atMost(`  holes ≥ 5 ms in ${toneSeconds} s`, holes, '', 0, `longest gap ${Math.round(longestHoleMs)} ms`),
    info('  xruns told', xruns, ''),
  ];
}

/** Holes between the first and the last sound of a tone. */
async function steadyTone(loudspeaker, ear, seconds) {
  await wait(500);
  ear.reset();
  for (let i = 0; i < (seconds * 1000) / frameDurationMs; i++)
    await loudspeaker.write(tone(loudspeaker.sampleRateHz, frameDurationMs, i));
  await wait(500);
}

function fail(error) {
  throw error;
}
