// CPU of a minute of full-duplex conversation over MQTT + UDP and over WebSocket, in turns; and of sealing and opening
// packets against the bare cipher calls.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { openUdpPacket, sealUdpPacket } from '../../../src/protocol/udp-packet.ts';
import { createAdjustableClock } from '../device.mjs';
import { report, setup } from '../figure-process.mjs';
import { practice, practiceSeconds } from '../practice-plan.mjs';
import { wait } from '../statistics.mjs';
import { cpuMsPerMinute, openConversation, recordingOf } from './device-process.mjs';

const clock = createAdjustableClock();
const warmUpMs = 2_000;
const { rounds, sliceMs, speech, urls, practiceUrls, directory } = setup;
const recording = await recordingOf({ speech, directory, seconds: practiceSeconds });

async function conversation(url) {
  const { device, close } = await openConversation({ url, recording, directory, clock });
  await wait(warmUpMs);
  const before = device.counters;
  const cpuMs = await cpuMsPerMinute(sliceMs);
  const expected = sliceMs / 60;
  const sent = device.counters.uplink.sent - before.uplink.sent;
  const played = device.counters.downlink.played - before.downlink.played;
  if (Math.min(sent, played) < expected * 0.95)
    throw new Error(`No full-duplex conversation: ${sent} frames sent and ${played} played of ${expected}`);
  await close();
  return cpuMs;
}

async function practise(url) {
  const { close } = await openConversation({ url, recording, directory, clock });
  await wait(practice.conversationMs);
  await close();
}

const packet = randomBytes(160);
const keys = { key: randomBytes(16), nonce: Buffer.from('01000000112233440000000000000000', 'hex') };
const calls = 20_000;

function nsPerCall(work) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) work(i);
  return Number(process.hrtime.bigint() - start) / calls;
}

function cipherRound() {
  const counter = Buffer.alloc(16, 1);
  return {
    ours: nsPerCall((i) => openUdpPacket(keys.key, sealUdpPacket(keys, packet, 0, i))),
    bare: nsPerCall(() => {
      const sealed = createCipheriv('aes-128-ctr', keys.key, counter).update(packet);
      createDecipheriv('aes-128-ctr', keys.key, counter).update(sealed);
    }),
  };
}

cipherRound();
const measured = { cipher: Array.from({ length: rounds }, cipherRound), mqtt: [], websocket: [] };
clock.setSpeed(practice.speed);
for (let i = 0; i < practice.conversations; i++) for (const url of practiceUrls) await practise(url);
clock.setSpeed(1);
await wait(practice.settleMs);
for (let round = 0; round < rounds; round++) {
  measured.mqtt.push(await conversation(urls.mqtt));
  measured.websocket.push(await conversation(urls.websocket));
}
report(measured);
