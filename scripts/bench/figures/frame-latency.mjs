// What the device adds to the codec, frame by frame: from the last sample captured to the bytes at the socket, and from the
// bytes of a packet to the PCM at the loudspeaker. The bare calls run in the same process, half a period later, so that
// both find the caches as cold as a real conversation does.
import diagnostics from 'node:diagnostics_channel';
import { WebSocketTransport } from '../../../src/adapters/transport/websocket-transport.ts';
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { createBareDevice } from '../bare-device.mjs';
import { createAdjustableClock, createWatcher, handsOn } from '../device.mjs';
import { report, setup } from '../figure-process.mjs';
import { startPacedLoop } from '../paced-loop.mjs';
import { practise } from '../practice.mjs';
import {
  bareCodec,
  downlinkHz,
  encoderSettings,
  frameDurationMs,
  speechFrames,
  speechPackets,
  uplinkHz,
} from '../speech.mjs';
import { wait } from '../statistics.mjs';

/** The jitter buffer remembers 256 packets: what is promised is any minute of a conversation, not its first seconds. */
const warmUpMs = 16_000;

const { rounds, sliceMs, speech, websocketUrl, practiceUrl } = setup;
const codec = await loadOpusCodec();
const frames = await speechFrames(speech);
const packets = speechPackets(codec, frames);

const clock = createAdjustableClock();

const samples = { uplink: [], encode: [], downlink: [], decode: [] };
let capturedAtMs;
let receivedAtMs;

/** A Node socket gives its bytes to the operating system in these two, and has them from it in `data`. */
diagnostics.subscribe('net.client.socket', ({ socket }) => {
  for (const name of ['_write', '_writev']) {
    const original = socket[name];
    socket[name] = function handOver(...args) {
      if (capturedAtMs !== undefined) samples.uplink.push((performance.now() - capturedAtMs) * 1000);
      capturedAtMs = undefined;
      return original.apply(this, args);
    };
  }
  socket.prependListener('data', () => {
    receivedAtMs = performance.now();
  });
});

let sink;
const microphone = {
  name: 'bench',
  sampleRateHz: uplinkHz,
  start: (given) => {
    sink = given;
    return Promise.resolve();
  },
  stop: () => Promise.resolve(),
};
/** Has always room, and something left to play: a packet never waits for the one before, and none ends a gap. */
const loudspeaker = {
  name: 'bench',
  sampleRateHz: downlinkHz,
  start: () => Promise.resolve(),
  write: () => {
    if (receivedAtMs !== undefined) samples.downlink.push((performance.now() - receivedAtMs) * 1000);
    receivedAtMs = undefined;
    return Promise.resolve();
  },
  flush: () => {},
  pendingMs: () => 2 * frameDurationMs,
  stop: () => Promise.resolve(),
};
let url = practiceUrl;
const transports = {
  create: () =>
    new WebSocketTransport({
      endpoint: { url, token: 'bench', version: 1 },
      deviceId: '02:00:00:00:00:01',
      clientId: 'bench',
      uplink: encoderSettings,
      handshakeTimeoutMs: 10_000,
      helloTimeoutMs: 10_000,
      pingIntervalMs: 0,
      idleTimeoutMs: 0,
      clock,
    }),
};

const { display, until } = createWatcher();
const device = createBareDevice({
  microphone,
  loudspeaker,
  codec,
  transports,
  clock,
  mode: 'realtime',
  display,
});
const near = handsOn(device, until);

let stopCapture = () => {};
function capture(speed) {
  stopCapture();
  stopCapture = startPacedLoop(frameDurationMs / speed, (tick) => {
    if (!sink) return;
    capturedAtMs = performance.now();
    sink.onChunk(frames[tick % frames.length]);
    capturedAtMs = undefined;
  });
}

await near.start();
await practise(near, (speed) => {
  clock.setSpeed(speed);
  capture(speed);
  url = speed === 1 ? websocketUrl : practiceUrl;
});
await near.converse();
await wait(frameDurationMs / 2);

const { encode, decode } = bareCodec();
const stopBare = startPacedLoop(frameDurationMs, (tick) => {
  const beforeMs = performance.now();
  encode(frames[tick % frames.length]);
  samples.encode.push((performance.now() - beforeMs) * 1000);
});
await wait(frameDurationMs / 4);
const stopBareDecode = startPacedLoop(frameDurationMs, (tick) => {
  const beforeMs = performance.now();
  decode(packets[tick % packets.length]);
  samples.decode.push((performance.now() - beforeMs) * 1000);
});

await wait(warmUpMs);
const measured = [];
for (let round = 0; round < rounds; round++) {
  for (const values of Object.values(samples)) values.length = 0;
  await wait(sliceMs);
  measured.push(structuredClone(samples));
}
stopCapture();
stopBare();
stopBareDecode();
await device.stop();
report(measured);
