import { describe, expect, it } from 'vitest';
import { answerPackets } from '../support/device-harness.ts';
import {
  type MortalBroker,
  mosquittoInstalled,
  startMosquitto,
  startPushingBroker,
} from '../support/message-broker.ts';
import { type MqttDevice, startMqttDevice } from '../support/mqtt-device.ts';
import { type GatewayPeer, type ScriptedGateway, startScriptedGateway } from '../support/scripted-gateway.ts';
import { until } from '../support/scripted-server.ts';

const answer = answerPackets(300);

interface Scene {
  readonly device: MqttDevice;
  readonly broker: MortalBroker;
  readonly gateway: ScriptedGateway;
  /** Whether the gateway answers a hello, and a question. */
  readonly answers: { hello: boolean; question: boolean };
  readonly hellos: string[];
  readonly asked: string[];
  readonly peer: () => GatewayPeer;
}

/** A text turn, as the gateway hears it; everything else needs no answer here. */
function questionOf(text: string): string | undefined {
  const { type, state, text: question } = JSON.parse(text) as Record<string, string>;
  return type === 'listen' && state === 'detect' ? question : undefined;
}

async function startScene(startBroker: () => Promise<MortalBroker>): Promise<Scene> {
  const broker = await startBroker();
  const gateway = await startScriptedGateway(broker);
  const answers = { hello: true, question: true };
  const asked: string[] = [];
  const hellos: string[] = [];
  gateway.onText = (peer, text) => {
    if (text.includes('"hello"')) {
      hellos.push(text);
      if (answers.hello) peer.sayHello(`s-${hellos.length}`);
    }
    const question = questionOf(text);
    if (question === undefined) return;
    asked.push(question);
    if (answers.question) void speak(peer);
  };
  const device = await startMqttDevice({ endpoint: broker.endpointOf('device-1') });
  return {
    device,
    broker,
    gateway,
    answers,
    hellos,
    asked,
    peer: () => gateway.peer('device-1') as GatewayPeer,
  };
}

async function speak(peer: GatewayPeer, { toTheEnd = true } = {}): Promise<void> {
  await until(() => peer.address !== undefined);
  peer.send({ type: 'tts', state: 'start' });
  for (const packet of answer) peer.sendAudio(packet);
  if (toTheEnd) peer.send({ type: 'tts', state: 'stop' });
}

const status = ({ device }: Scene, wanted: string) => until(() => device.device.status === wanted);
const turns = ({ device }: Scene) =>
  device.eventsOf('turn').filter(({ phase }) => phase === 'finished').length;

/** How to get the device into each state; the broker dies when this is done. */
const moments: Record<string, (scene: Scene) => Promise<void>> = {
  standby: async () => {},
  connecting: async (scene) => {
    scene.answers.hello = false;
    scene.device.device.send({ type: 'talk.toggled' });
    await until(() => scene.hellos.length > 0);
  },
  listening: async (scene) => {
    scene.device.device.send({ type: 'talk.toggled' });
    await status(scene, 'listening');
  },
  thinking: async (scene) => {
    scene.answers.question = false;
    scene.device.device.send({ type: 'text.submitted', text: 'unanswered' });
    await until(() => scene.asked.length === 1);
  },
  speaking: async (scene) => {
    scene.answers.question = false;
    scene.device.device.send({ type: 'text.submitted', text: 'half answered' });
    await until(() => scene.asked.length === 1);
    await speak(scene.peer(), { toTheEnd: false });
    await until(() => scene.device.eventsOf('playback').length > 0);
  },
  'idle in a session': async (scene) => {
    scene.device.device.send({ type: 'text.submitted', text: 'before' });
    await until(() => turns(scene) === 1);
    await status(scene, 'idle');
  },
  announcing: async (scene) => {
    scene.answers.question = false;
    scene.device.device.send({ type: 'tool.completed', mail: mail('early') });
    await until(() => scene.asked.some((text) => text.includes('early')));
    await status(scene, 'announcing');
  },
  recovering: async (scene) => {
    scene.device.device.send({ type: 'talk.toggled' });
    await status(scene, 'listening');
    await scene.broker.kill();
    await status(scene, 'recovering');
    await scene.broker.listen();
  },
};

const mail = (taskId: string) =>
  ({ taskId, tool: 'self.timer', outcome: 'done', text: `${taskId} is done` }) as const;

function describeRestarts(name: string, startBroker: () => Promise<MortalBroker>): void {
  describe.concurrent(`${name} that is killed and comes back`, { timeout: 30_000 }, () => {
    it.each(Object.keys(moments))(
      'while the device is %s: the next turn is finished, the mail told once',
      async (moment) => {
        const scene = await startScene(startBroker);
        try {
          const { device, broker, answers } = scene;
          await moments[moment]?.(scene);
          await broker.kill();
          device.device.send({ type: 'tool.completed', mail: mail('late') });
          await until(() => device.eventsOf('error').length > 0);
          Object.assign(answers, { hello: true, question: true });
          await broker.listen();
          const before = turns(scene);
          device.device.send({ type: 'text.submitted', text: 'after' });
          await until(() => scene.asked.includes('after') && turns(scene) > before);
          await until(() => device.spoken().includes('late'));
          // A conversation goes on after the notice.
          await until(() => ['idle', 'listening'].includes(device.device.status));
          if (device.device.status === 'listening') device.device.send({ type: 'talk.toggled' });
          await status(scene, 'idle');
          expect(device.spoken().toSorted()).toEqual(moment === 'announcing' ? ['early', 'late'] : ['late']);
          expect(device.device.counters.downlink.late).toBe(0);
        } finally {
          await scene.device.stop();
          await scene.gateway.stop();
        }
      },
    );
  });
}

describeRestarts('a gateway', startPushingBroker);
describe.skipIf(!mosquittoInstalled)(
  'mosquitto (skipped where it is not installed: scripts/setup --ci)',
  () => {
    describeRestarts('a plain broker', startMosquitto);
  },
);
