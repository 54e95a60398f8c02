// The far end of MQTT + UDP for `npm run bench:network`, in a process of its own: speaks without a pause while the device
// listens in realtime mode, and floods it when it is told to.
import { createSocket } from 'node:dgram';
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { startPushingBroker } from '../../../test/support/message-broker.ts';
import { startScriptedGateway } from '../../../test/support/scripted-gateway.ts';
import { startPacedLoop } from '../paced-loop.mjs';
import { frameDurationMs, speechFrames, speechPackets } from '../speech.mjs';

const framesAhead = Number(process.env.BENCH_FRAMES_AHEAD);
/** Time that runs so many times as fast. */
const speed = Number(process.env.BENCH_SPEED);
const packets = speechPackets(await loadOpusCodec(), await speechFrames(process.env.BENCH_SPEECH));
const gateway = await startScriptedGateway(await startPushingBroker());
const stranger = createSocket('udp4');
const floodPeriodMs = 4;
let stopTalking = () => {};
let sent = 0;

function talk(peer) {
  const send = (index) => {
    peer.sendAudio(packets[index % packets.length]);
    sent += 1;
  };
  peer.send({ type: 'tts', state: 'start' });
  for (let ahead = 0; ahead < framesAhead; ahead++) send(ahead);
  stopTalking = startPacedLoop(frameDurationMs / speed, (tick) => send(framesAhead + tick - 1));
}

/** The device must have shown where it is. */
function talkSoon(peer) {
  if (peer.address) talk(peer);
  else setTimeout(() => talkSoon(peer), 1);
}

gateway.onText = (peer, text) => {
  const { type, state, mode } = JSON.parse(text);
  if (type === 'hello') peer.sayHello(`bench-${Date.now()}`);
  if (type === 'goodbye') stopTalking();
  if (type === 'listen' && state === 'start' && mode === 'realtime') {
    stopTalking();
    talkSoon(peer);
  }
};

const garbage = [new Uint8Array(8), Buffer.alloc(64, 0xff), Buffer.alloc(200, 1)];

/** Half of it comes from where the real audio comes from, half from a stranger. */
function flood({ perSecond, durationMs }) {
  const peer = gateway.peers.at(-1);
  const { address, port } = peer.address;
  const startMs = performance.now();
  const before = sent;
  let flooded = 0;
  const timer = setInterval(() => {
    const goneMs = Math.min(durationMs, performance.now() - startMs);
    while (flooded < (goneMs / 1000) * perSecond) {
      const datagram = garbage[flooded % garbage.length];
      if (flooded % 2 === 0) peer.sendDatagram(datagram);
      else stranger.send(datagram, port, address);
      flooded += 1;
    }
    if (goneMs < durationMs) return;
    clearInterval(timer);
    process.send({
      type: 'flooded',
      datagrams: flooded,
      audio: sent - before,
      ms: performance.now() - startMs,
    });
  }, floodPeriodMs);
}

process.on('message', (wanted) => flood(wanted));
process.on('disconnect', () => process.exit());
process.send({ type: 'ready', mqttUrl: `mqtt://127.0.0.1:${gateway.broker.port}` });
