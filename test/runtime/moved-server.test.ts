import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { TransportChooser } from '../../src/adapters/transport/choose-transport.ts';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { ProvisioningAnswer } from '../../src/ports/provisioning.ts';
import type { StatusEvent } from '../../src/ports/status-display.ts';
import { Device } from '../../src/runtime/device.ts';
import { answerPackets, FakeMicrophone } from '../support/device-harness.ts';
import { eagerOptions } from '../support/eager-settings.ts';
import { startPushingBroker } from '../support/message-broker.ts';
import { startScriptedGateway } from '../support/scripted-gateway.ts';
import { startScriptedServer, until } from '../support/scripted-server.ts';

const codec = await loadOpusCodec();
const answer = answerPackets(180);
const clock = monotonicClock;

/** One owner with a chat server on each road, and an OTA server that tells which of them counts. */
async function startOwner() {
  const asked: string[] = [];
  let refusesSockets = false;
  const websocket = await startScriptedServer({
    // Asked at every connection.
    get refuse() {
      return refusesSockets ? 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n' : (undefined as never);
    },
    onText: (peer, text) => {
      const message = JSON.parse(text) as { type: string; state?: string; text?: string };
      if (message.type === 'hello')
        peer.send({
          type: 'hello',
          transport: 'websocket',
          session_id: 's',
          audio_params: { sample_rate: 24_000 },
        });
      if (message.state !== 'detect') return;
      asked.push(`websocket: ${message.text}`);
      peer.send({ type: 'tts', state: 'start' });
      for (const packet of answer) peer.socket.send(packet);
      peer.send({ type: 'tts', state: 'stop' });
    },
  });
  const broker = await startPushingBroker();
  const gateway = await startScriptedGateway(broker);
  let refusesHellos = false;
  gateway.onText = (peer, text) => {
    const message = JSON.parse(text) as { type: string; state?: string; text?: string };
    if (message.type === 'hello') {
      if (refusesHellos) peer.send({ type: 'error', message: 'moved' });
      else peer.sayHello('m');
    }
    if (message.state !== 'detect') return;
    asked.push(`mqtt: ${message.text}`);
    void until(() => peer.address !== undefined).then(() => {
      peer.send({ type: 'tts', state: 'start' });
      for (const packet of answer) peer.sendAudio(packet);
      peer.send({ type: 'tts', state: 'stop' });
    });
  };
  onTestFinished(async () => {
    await gateway.stop();
    await websocket.stop();
  });
  const roads: Record<'websocket' | 'mqtt', ProvisioningAnswer> = {
    websocket: { websocket: { url: websocket.url, token: '', version: 1 } },
    mqtt: { mqtt: broker.endpointOf('d') },
  };
  return {
    asked,
    broker,
    gateway,
    roads,
    /** The chat server lets nobody in any more, or again; who is there has to go. */
    refuseSockets: async (refuses: boolean) => {
      refusesSockets = refuses;
      const peer = websocket.peers.at(-1);
      peer?.socket.close(1000);
      await until(() => peer?.ended !== undefined);
      await loopTurns();
    },
    refuseHellos: async () => {
      refusesHellos = true;
      gateway.peer('d')?.hangUp();
      await loopTurns();
    },
  };
}

/** What is on its way arrives. */
async function loopTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await nextTurn();
}

async function startDevice(first: ProvisioningAnswer) {
  const events: StatusEvent[] = [];
  const ota = { says: first };
  const uplink = { sampleRateHz: 16_000, frameDurationMs: 60 };
  const transports = new TransportChooser(
    {
      deviceId: '02:00:5e:10:20:30',
      clientId: '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
      uplink,
      handshakeTimeoutMs: 5_000,
      helloTimeoutMs: 1_000,
      pingIntervalMs: 0,
      idleTimeoutMs: 0,
      clock,
    },
    { transport: 'auto' },
  );
  const device = new Device(
    {
      microphone: new FakeMicrophone(),
      loudspeaker: createNullLoudspeaker({ pacer: createPacer(clock, 60) }),
      codec,
      transports,
      links: transports,
      provisioning: {
        provisioning: {
          url: 'http://ota/',
          check: () => Promise.resolve(ota.says),
          activate: () => Promise.resolve('failed' as const),
        },
        memory: { recall: () => undefined, remember: () => Promise.resolve() },
        useAnswer: (given) => transports.use(given),
      },
      display: { show: (event) => events.push(event) },
      clock,
      logger: silentLogger,
    },
    eagerOptions(),
  );
  device.start();
  onTestFinished(() => device.stop());
  await until(() => device.status === 'idle');
  const turns = () => events.filter((event) => event.type === 'turn' && event.phase === 'finished').length;
  return {
    device,
    ota,
    events,
    /** Resolves when it has been answered. */
    ask: async (text: string) => {
      const before = turns();
      device.send({ type: 'text.submitted', text });
      await until(() => turns() > before);
      await until(() => device.status === 'idle');
    },
    alerts: () => events.flatMap((event) => (event.type === 'alert' ? [event.message] : [])),
  };
}

it('a device moves from WebSocket to MQTT and back as the OTA server says, its control link with it', async () => {
  const owner = await startOwner();
  const { broker, gateway, roads, asked } = owner;
  const { ota, ask, alerts } = await startDevice(roads.websocket);
  await ask('one');
  expect([asked, broker.clientIds]).toEqual([['websocket: one'], []]);

  // The old server lets nobody in any more, so the OTA server is asked.
  await owner.refuseSockets(true);
  ota.says = roads.mqtt;
  await ask('two');
  await until(() => broker.clientIds.includes('d'));
  gateway.broker.push('d', JSON.stringify({ type: 'alert', status: '', message: 'here', emotion: '' }));
  await until(() => alerts().includes('here'));
  await ask('three');

  await owner.refuseSockets(false);
  await owner.refuseHellos();
  ota.says = roads.websocket;
  await ask('four');
  // Nobody is left who listens to a broker that is not the device's any more.
  await until(() => !broker.clientIds.includes('d'));
  await ask('five');
  expect(asked).toEqual(['websocket: one', 'mqtt: two', 'mqtt: three', 'websocket: four', 'websocket: five']);
});

it('a broker that lets the device in no more leads to the road of the OTA server, though nobody talks', async () => {
  const { broker, roads, asked } = await startOwner();
  const { ota, ask } = await startDevice(roads.mqtt);
  await until(() => broker.clientIds.includes('d'));
  broker.verdict = 5;
  ota.says = roads.websocket;
  broker.cut('d');
  await ask('one');
  expect([asked, broker.clientIds]).toEqual([['websocket: one'], []]);
});
