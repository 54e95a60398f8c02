import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerPackets } from '../support/device-harness.ts';
import { startPushingBroker } from '../support/message-broker.ts';
import { type MqttDevice, startMqttDevice } from '../support/mqtt-device.ts';
import { type GatewayPeer, type ScriptedGateway, startScriptedGateway } from '../support/scripted-gateway.ts';
import { until } from '../support/scripted-server.ts';
import { tone } from '../support/signals.ts';

const speech = tone(300, 16_000, 60);
const answer = answerPackets(600);
/** Of the server's clock; each frame of the answer has one. */
const firstMs = 1_000;
const timestamps = answer.map((_, index) => firstMs + 60 * index);

let gateway: ScriptedGateway;
let device: MqttDevice;
beforeEach(async () => {
  gateway = await startScriptedGateway(await startPushingBroker());
  gateway.onText = (peer, text) => {
    if (text.includes('"hello"')) peer.sayHello('s-1');
  };
});
afterEach(async () => {
  await device.stop();
  await gateway.stop();
});

/** Both talk at once; resolves with the timestamps of all that the server was sent until the answer had been heard. */
async function talkAtOnce(serverAec: boolean): Promise<{ hello: string; sent: readonly number[] }> {
  device = await startMqttDevice({ endpoint: gateway.broker.endpointOf('d'), mode: 'realtime', serverAec });
  device.device.send({ type: 'talk.toggled' });
  await until(() => device.device.status === 'listening');
  const peer = gateway.peer('d') as GatewayPeer;
  await until(() => peer.address !== undefined);
  peer.send({ type: 'tts', state: 'start' });
  for (const [index, packet] of answer.entries()) peer.sendAudio(packet, undefined, timestamps[index]);
  await until(() => device.device.counters.downlink.received === answer.length);
  let played = 0;
  await until(() => {
    // A frame of speech for each frame of the answer.
    if (device.device.counters.downlink.played > played) {
      played += 1;
      device.microphone.hear(speech);
    }
    return played === answer.length;
  });
  await until(() => peer.timestamps.length === answer.length);
  return { hello: peer.texts[0] ?? '', sent: peer.timestamps };
}

describe('a server that cancels echo', () => {
  it('is asked to, and learns which sound was in the room with each frame of speech', async () => {
    const { hello, sent } = await talkAtOnce(true);
    expect(JSON.parse(hello).features).toEqual({ aec: true, mcp: true, glyph_push: false });
    const told = sent.filter((timestampMs) => timestampMs > 0);
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(timestamps.slice(0, told.length));
  });

  it('is neither asked nor told anything unless it is configured', async () => {
    const { hello, sent } = await talkAtOnce(false);
    expect(JSON.parse(hello).features).toEqual({ mcp: true, glyph_push: false });
    expect(new Set(sent)).toEqual(new Set([0]));
  });
});
