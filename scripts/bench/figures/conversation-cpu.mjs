// CPU of a minute of full-duplex conversation, of the bare codec in a timer loop, and of a device that only stays connected.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import WebSocket from 'ws';
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { createAdjustableClock, openDevice } from '../device.mjs';
import { report, setup } from '../figure-process.mjs';
import { startPacedLoop } from '../paced-loop.mjs';
import { practise } from '../practice.mjs';
import { practiceSeconds } from '../practice-plan.mjs';
import { setServerSpeed } from '../server-speed.mjs';
import { bareCodec, frameDurationMs, speechFrames, speechPackets, speechWav } from '../speech.mjs';
import { wait } from '../statistics.mjs';

/** A new conversation is followed by one collection of garbage, which the minutes after it are without. */
const warmUpMs = 8_000;
/** V8 gives memory back half a minute after the last activity, once; the hours behind it are without. */
const restMs = 40_000;
const { rounds, sliceMs, speech, websocketUrl, directory } = setup;
const clock = createAdjustableClock();
const codec = await loadOpusCodec();
const frames = await speechFrames(speech);
const packets = speechPackets(codec, frames);
const recording = join(directory, 'speech.wav');
const measuredSeconds = (rounds * 2 * (warmUpMs + sliceMs)) / 1000;
await writeFile(recording, speechWav(frames, practiceSeconds + measuredSeconds));
/** One device for all, as it is at home: what it has learned in one conversation it knows in the next. */
const near = await openDevice({
  websocketUrl,
  microphone: `wav:${recording}`,
  mode: 'realtime',
  stateDirectory: directory,
  clock,
});

async function cpuMsPerMinute(beforeMs = warmUpMs) {
  await wait(beforeMs);
  const startMs = performance.now();
  const before = process.cpuUsage();
  await wait(sliceMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / ((performance.now() - startMs) / 60_000);
}

async function conversation() {
  await near.converse();
  const before = near.device.counters;
  const cpuMs = await cpuMsPerMinute();
  const expected = (sliceMs + warmUpMs) / frameDurationMs;
  const sent = near.device.counters.uplink.sent - before.uplink.sent;
  const played = near.device.counters.downlink.played - before.downlink.played;
  if (Math.min(sent, played) < expected * 0.95)
    throw new Error(`No full-duplex conversation: ${sent} frames sent and ${played} played of ${expected}`);
  await near.hangUp();
  return cpuMs;
}

/** After a spoken turn; the channel stays open. */
async function connectedIdle() {
  await near.sendUntil('talk.pressed', 'listening');
  await wait(5 * frameDurationMs);
  await near.sendUntil('talk.released', 'idle');
  return cpuMsPerMinute(restMs);
}

async function bareLoop() {
  const { encode, decode } = bareCodec();
  const stop = startPacedLoop(frameDurationMs, (tick) => {
    encode(frames[tick % frames.length]);
    decode(packets[tick % packets.length]);
  });
  const cpuMs = await cpuMsPerMinute();
  stop();
  return cpuMs;
}

/** The same work with packets that come and go over a bare `ws` socket: what no device in Node can do for less. */
async function bareSocketLoop() {
  const socket = new WebSocket(websocketUrl, { perMessageDeflate: false });
  await once(socket, 'open');
  const waiting = [];
  socket.on('message', (data, isBinary) => {
    if (isBinary) waiting.push(data);
  });
  socket.send(JSON.stringify({ type: 'listen', state: 'start', mode: 'realtime' }));
  const { encode, decode } = bareCodec();
  const stop = startPacedLoop(frameDurationMs, (tick) => {
    socket.send(encode(frames[tick % frames.length]));
    const packet = waiting.shift();
    if (packet) decode(packet);
  });
  const cpuMs = await cpuMsPerMinute();
  stop();
  socket.terminate();
  return cpuMs;
}

await near.start();
await practise(near, async (speed) => {
  await setServerSpeed(websocketUrl, speed);
  clock.setSpeed(speed);
});
const measured = { conversation: [], bare: [], bareSocket: [], idle: [] };
for (let round = 0; round < rounds; round++) {
  measured.conversation.push(await conversation());
  measured.bare.push(await bareLoop());
  measured.bareSocket.push(await bareSocketLoop());
  measured.idle.push(await connectedIdle());
}
await near.close();
report(measured);
