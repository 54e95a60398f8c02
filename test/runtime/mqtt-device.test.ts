import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerPackets } from '../support/device-harness.ts';
import { type PushingBroker, startPushingBroker } from '../support/message-broker.ts';
import { type MqttDevice, startMqttDevice } from '../support/mqtt-device.ts';
import { type GatewayPeer, type ScriptedGateway, startScriptedGateway } from '../support/scripted-gateway.ts';
import { until } from '../support/scripted-server.ts';

const answer = answerPackets(300);
const echoTool = { jsonrpc: '2.0', id: 7, method: 'tools/list', params: {} };

let broker: PushingBroker;
let gateway: ScriptedGateway;
let device: MqttDevice;
let answersQuestions: boolean;
let heard: string[];
const limits: (number | undefined)[] = [];
let toolListIsOutdated: boolean;
let announced: number;

beforeEach(async () => {
  broker = await startPushingBroker();
  gateway = await startScriptedGateway(broker);
  answersQuestions = true;
  toolListIsOutdated = false;
  announced = 0;
  heard = [];
  limits.length = 0;
  gateway.onText = (peer, text) => {
    const message = JSON.parse(text) as { type: string; state?: string };
    heard.push(message.state ? `${message.type} ${message.state}` : message.type);
    if (message.type === 'hello') peer.sayHello(`s-${heard.length}`);
    if (message.type === 'speak_ready') void speak(peer);
    if (message.state === 'detect' && answersQuestions) void speak(peer);
  };
  device = await startDevice();
  await until(() => broker.clientIds.includes('d'));
});
afterEach(async () => {
  await device.stop();
  await gateway.stop();
});

const startDevice = (options: { serverMayListen?: boolean } = {}) =>
  startMqttDevice({
    ...options,
    endpoint: broker.endpointOf('d'),
    openTools: (send, limit) => {
      limits.push(limit?.maxMessageBytes);
      return {
        receive: ({ id }) => void send({ jsonrpc: '2.0', id, result: { tools: [] } }),
        isOutdated: () => toolListIsOutdated,
        announceChange: () => {
          announced += 1;
        },
        close: () => Promise.resolve(),
      };
    },
  });

const push = (message: object) => gateway.broker.push('d', JSON.stringify(message));
const peer = () => gateway.peer('d') as GatewayPeer;
const turns = () => device.eventsOf('turn').filter(({ phase }) => phase === 'finished').length;
const status = (wanted: string) => until(() => device.device.status === wanted);
const ask = (text: string) => device.device.send({ type: 'text.submitted', text });

async function speak(to: GatewayPeer, { toTheEnd = true } = {}): Promise<void> {
  await until(() => to.address !== undefined);
  to.send({ type: 'tts', state: 'start' });
  for (const packet of answer) to.sendAudio(packet);
  if (toTheEnd) to.send({ type: 'tts', state: 'stop' });
}

describe('a device over MQTT that nobody talks to', () => {
  it('shows an alert without beginning a conversation', async () => {
    push({ type: 'alert', status: 'Weather', message: 'Take an umbrella', emotion: 'sad' });
    await until(() => device.eventsOf('alert').length === 1);
    expect(device.eventsOf('alert')).toMatchObject([{ status: 'Weather', message: 'Take an umbrella' }]);
    expect([device.device.status, heard]).toEqual(['idle', []]);
  });

  it('answers for its tools, in messages that a gateway takes', async () => {
    push({ type: 'mcp', payload: echoTool });
    await until(() => heard.length === 1);
    expect(JSON.parse(peer().texts[0] ?? '')).toEqual({
      session_id: '',
      type: 'mcp',
      payload: { jsonrpc: '2.0', id: 7, result: { tools: [] } },
    });
    expect([limits, device.device.status]).toEqual([[7_900], 'idle']);
  });

  it('connects anew when its gateway has read another list of tools than there is', async () => {
    toolListIsOutdated = true;
    device.device.toolsChanged();
    await until(() => limits.length === 2);
    toolListIsOutdated = false;
    await until(() => !broker.clientIds.includes('d'));
    await until(() => broker.clientIds.includes('d'));
    push({ type: 'mcp', payload: echoTool });
    await until(() => heard.length === 1);
    expect([announced, limits.length, device.device.status, device.eventsOf('error')]).toEqual([
      1,
      2,
      'idle',
      [],
    ]);
  });

  it('lets the server speak when it asks to', async () => {
    push({ type: 'speak_request', auto_listen: false });
    await until(() => device.eventsOf('playback').some(({ phase }) => phase === 'drained'));
    await status('idle');
    expect(heard).toEqual(['hello', 'speak_ready']);
    expect(device.device.counters.downlink).toMatchObject({ received: 5, played: 5, concealed: 0 });
  });

  it('listens after it only where the user lets the server open the microphone', async () => {
    push({ type: 'speak_request', auto_listen: true });
    await until(() => device.eventsOf('playback').some(({ phase }) => phase === 'drained'));
    await status('idle');
    await device.stop();
    device = await startDevice({ serverMayListen: true });
    await until(() => broker.clientIds.filter((id) => id === 'd').length > 0);
    heard = [];
    push({ type: 'speak_request', auto_listen: true });
    await status('listening');
    expect(heard).toEqual(['hello', 'speak_ready', 'listen start']);
  });
});

describe('goodbye of the server', () => {
  const points: Record<string, () => Promise<void>> = {
    'while nobody talks': async () => push({ type: 'goodbye', session_id: 'nobody' }),
    'in place of its hello': async () => {
      gateway.onText = (to, text) => {
        if (!text.includes('"hello"')) return;
        gateway.onText = answering;
        to.send({ type: 'goodbye', session_id: '' });
        to.sayHello('second thoughts');
      };
      device.device.send({ type: 'talk.toggled' });
      await status('listening');
      peer().hangUp();
    },
    'right behind its hello': async () => {
      gateway.onText = (to, text) => {
        if (!text.includes('"hello"')) return;
        gateway.onText = answering;
        to.sayHello('short');
        to.hangUp();
      };
      device.device.send({ type: 'talk.toggled' });
      await until(() => device.eventsOf('session').length > 0);
    },
    'while the device listens': async () => {
      device.device.send({ type: 'talk.toggled' });
      await status('listening');
      peer().hangUp();
    },
    'instead of an answer': async () => {
      answersQuestions = false;
      ask('nothing');
      await until(() => heard.includes('listen detect'));
      peer().hangUp();
    },
    'in the middle of an answer': async () => {
      answersQuestions = false;
      ask('half');
      await until(() => heard.includes('listen detect'));
      await speak(peer(), { toTheEnd: false });
      await until(() => device.eventsOf('playback').length > 0);
      peer().hangUp();
    },
    'after an answer': async () => {
      ask('all');
      await until(() => turns() === 1);
      peer().hangUp();
    },
  };
  let answering: ScriptedGateway['onText'];

  it.each(Object.keys(points))('%s does not cost the next turn', async (point) => {
    answering = gateway.onText;
    await points[point]?.();
    // Comes behind it.
    push({ type: 'alert', status: '', message: 'mark', emotion: '' });
    await until(() => device.eventsOf('alert').length === 1);
    answersQuestions = true;
    ask('next');
    const before = turns();
    await until(() => turns() > before);
    expect(device.device.status).toMatch(/idle|listening/);
  });
});

it('tells how much of what came in was not for it, and why, and says it once a second', async () => {
  ask('first');
  await until(() => turns() === 1);
  const garbage = [new Uint8Array(3), randomBytes(100).fill(2, 0, 1), randomBytes(5_000)];
  for (const datagram of garbage) peer().sendDatagram(datagram);
  ask('second');
  await until(() => turns() === 2);
  const rejected = { short: 1, 'wrong-type': 1, oversized: 1 };
  expect(device.device.counters.downlink).toMatchObject({ rejected, received: 10, played: 10 });
  expect(device.eventsOf('error').map(({ code }) => code)).toEqual(['PROTOCOL_BAD_FRAME']);
  await device.stop();
  expect(device.eventsOf('audio').at(-1)?.downlink.rejected).toEqual(rejected);
});
