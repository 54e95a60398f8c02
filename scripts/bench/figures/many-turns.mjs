// Ten thousand turns in simulated time: what of each turn stays on the heap. Real machine, codec and audio paths; clock,
// microphone, loudspeaker and server live in this process.

import { createNullLoudspeaker } from '../../../src/adapters/audio/loudspeaker-null.ts';
import { createNullMicrophone } from '../../../src/adapters/audio/microphone-null.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { createBareDevice } from '../bare-device.mjs';
import { report, setup } from '../figure-process.mjs';
import { frameDurationMs, speechFrames, speechPackets } from '../speech.mjs';

const packetsPerAnswer = 5;
const listenMs = 5 * frameDurationMs;
/** Each so many turns the person hangs up and a new channel is opened: that is where listeners and timers get lost. */
const turnsPerChannel = 10;
const warmUpTurns = 500;

const { turns, speech } = setup;
const codec = await loadOpusCodec();
const packets = speechPackets(codec, await speechFrames(speech)).slice(0, packetsPerAnswer);
const clock = new FakeClock();
const pacer = createPacer(clock, frameDurationMs);
let handlers;
let finishedTurns = 0;
let status = 'starting';

class FakeTransport {
  kind = 'websocket';
  open(given) {
    handlers = given;
    queueMicrotask(() => given.onSession({ sessionId: 'bench', sampleRateHz: 24_000, frameDurationMs }));
  }
  sendText() {
    return true;
  }
  sendAudio() {
    return true;
  }
  close() {
    handlers = undefined;
    return Promise.resolve();
  }
}

const device = createBareDevice({
  microphone: createNullMicrophone({ pacer }),
  loudspeaker: createNullLoudspeaker({ pacer }),
  codec,
  transports: { create: () => new FakeTransport() },
  clock,
  mode: 'auto',
  display: {
    show: (event) => {
      if (event.type === 'error') throw new Error(event.message);
      if (event.type === 'state') status = event.to;
      if (event.type === 'turn' && event.phase === 'finished') finishedTurns += 1;
    },
  },
});

async function advanceUntil(wanted) {
  for (let step = 0; status !== wanted; step++) {
    if (step === 100) throw new Error(`Turn ${finishedTurns + 1} stays ${status} and never gets ${wanted}`);
    await clock.advanceAsync(frameDurationMs);
  }
}

async function takeTurns(count) {
  for (let turn = 0; turn < count; turn++) {
    if (status === 'idle') device.send({ type: 'talk.toggled' });
    await advanceUntil('listening');
    await clock.advanceAsync(listenMs);
    handlers.onMessage({ type: 'stt', text: `turn ${turn}` });
    handlers.onMessage({ type: 'tts', state: 'start' });
    handlers.onMessage({ type: 'tts', state: 'sentence_start', text: `answer ${turn}` });
    for (const packet of packets) handlers.onAudio(packet, 0);
    handlers.onMessage({ type: 'tts', state: 'stop' });
    await advanceUntil('listening');
    if (turn % turnsPerChannel === turnsPerChannel - 1) {
      device.send({ type: 'talk.toggled' });
      await advanceUntil('idle');
    }
  }
}

/** Twice: finalizers run after the first. */
async function heapBytes() {
  for (let i = 0; i < 2; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

device.start();
await advanceUntil('idle');
await takeTurns(warmUpTurns);
const before = await heapBytes();
const finishedBefore = finishedTurns;
await takeTurns(turns);
const after = await heapBytes();
if (finishedTurns - finishedBefore !== turns)
  throw new Error(`${finishedTurns - finishedBefore} of ${turns} turns were finished`);
await device.stop();
report({ growthBytes: after - before, simulatedHours: clock.now() / 3_600_000 });
