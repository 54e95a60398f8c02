// A result that waits in a conversation: from the last sample of an answer to the first byte of its notice, and from the
// first sound of a voice to the `abort` of the notice that is being said. A server in this process says both.
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { createNullLoudspeaker } from '../../../src/adapters/audio/loudspeaker-null.ts';
import { loadOpusCodec } from '../../../src/adapters/audio/opus-discord.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { WebSocketTransport } from '../../../src/adapters/transport/websocket-transport.ts';
import { monotonicClock as clock } from '../../../src/core/clock.ts';
import { createBareDevice } from '../bare-device.mjs';
import { report, setup } from '../figure-process.mjs';
import { startPacedLoop } from '../paced-loop.mjs';
import { encoderSettings, frameDurationMs, speechFrames, speechPackets, uplinkHz } from '../speech.mjs';

const { rounds, speech } = setup;
const codec = await loadOpusCodec();
const voice = await speechFrames(speech);
const packets = speechPackets(codec, voice);
const silence = new Int16Array(voice[0].length);
const answerPackets = 20;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
await once(server, 'listening');
let socket;
/** What the device says, each with whoever waits for it. */
const waiting = new Map();
const said = (what) => new Promise((resolve) => waiting.set(what, resolve));
const note = (what) => {
  waiting.get(what)?.(performance.now());
  waiting.delete(what);
};
const say = (message) => socket.send(JSON.stringify(message));
server.on('connection', (connection) => {
  socket = connection;
  connection.on('message', (data, isBinary) => {
    if (isBinary) return;
    const { type, state } = JSON.parse(data.toString());
    if (type === 'hello') say({ type: 'hello', transport: 'websocket', session_id: 's' });
    else note(state === undefined ? type : `${type} ${state}`);
  });
});

const device = createBareDevice({
  microphone: {
    name: 'bench',
    sampleRateHz: uplinkHz,
    start: (sink) => {
      const hear = (tick) => sink.onChunk(speaks ? voice[tick % voice.length] : silence);
      stopCapture();
      stopCapture = startPacedLoop(frameDurationMs, hear);
      return Promise.resolve();
    },
    stop: () => {
      stopCapture();
      return Promise.resolve();
    },
  },
  loudspeaker: createNullLoudspeaker({ pacer: createPacer(clock, frameDurationMs) }),
  codec,
  transports: {
    create: () =>
      new WebSocketTransport({
        endpoint: { url: `ws://127.0.0.1:${server.address().port}/`, token: '', version: 1 },
        deviceId: '02:00:00:00:00:01',
        clientId: 'bench',
        uplink: encoderSettings,
        handshakeTimeoutMs: 10_000,
        helloTimeoutMs: 10_000,
        pingIntervalMs: 0,
        idleTimeoutMs: 0,
        clock,
      }),
  },
  clock,
  mode: 'realtime',
  settings: { voiceOverAnswer: 'interrupts' },
  display: {
    show: (event) => {
      if (event.type === 'playback') note(event.phase);
      if (event.type === 'state') note(event.to);
    },
  },
});
let speaks = false;
let stopCapture = () => {};

function answer({ to = answerPackets, ends = true } = {}) {
  say({ type: 'tts', state: 'start' });
  for (let n = 0; n < to; n++) socket.send(packets[n % packets.length]);
  if (ends) say({ type: 'tts', state: 'stop' });
}

const idle = said('idle');
device.start();
await idle;
const listening = said('listening');
device.send({ type: 'talk.toggled' });
await listening;

const noticeMs = [];
const interruptionMs = [];
for (let round = 0; round < rounds; round++) {
  const [drained, noticed] = [said('drained'), said('listen detect')];
  answer();
  device.send({
    type: 'tool.completed',
    mail: { taskId: `t${round}`, tool: 'bench', outcome: 'done', text: 'ready' },
  });
  const drainedMs = await drained;
  noticeMs.push((await noticed) - drainedMs);
  const [started, aborted, again] = [said('started'), said('abort'), said('listening')];
  answer({ to: 60, ends: false });
  await started;
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const spokeMs = performance.now();
  speaks = true;
  interruptionMs.push((await aborted) - spokeMs);
  say({ type: 'tts', state: 'stop' });
  await again;
  speaks = false;
  await new Promise((resolve) => setTimeout(resolve, 1_200));
}
await device.stop();
server.close();
report({ noticeMs, interruptionMs });
