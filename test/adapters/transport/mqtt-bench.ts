import { MqttHub, type MqttHubOptions } from '../../../src/adapters/transport/mqtt-hub.ts';
import type { FarEnd, TransportBench } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { MessageBroker } from '../../support/message-broker.ts';
import { type GatewayPeer, startScriptedGateway } from '../../support/scripted-gateway.ts';
import { until } from '../../support/scripted-server.ts';

/** Everything a hub needs, for a device of this name at this broker. */
export function mqttHub(
  broker: MessageBroker,
  clock: FakeClock,
  { clientId = 'device-1', ...options }: Partial<MqttHubOptions> & { clientId?: string } = {},
): MqttHub {
  return new MqttHub({
    endpoint: broker.endpointOf(clientId),
    uplink: { sampleRateHz: 16_000, frameDurationMs: 60 },
    handshakeTimeoutMs: 10_000,
    helloTimeoutMs: 10_000,
    idleTimeoutMs: 0,
    pingIntervalMs: 0,
    clock,
    ...options,
  });
}

export async function startMqttBench(startBroker: () => Promise<MessageBroker>): Promise<TransportBench> {
  const clock = new FakeClock();
  const gateway = await startScriptedGateway(await startBroker());
  let opened = 0;
  return {
    clock,
    create: (limits) => {
      opened += 1;
      const clientId = `device-${opened}`;
      return mqttHub(gateway.broker, clock, { ...limits, clientId, maxMessageBytes: 65_536 }).create();
    },
    createUnreachable: () =>
      mqttHub(gateway.broker, clock, {
        endpoint: { ...gateway.broker.endpointOf('nobody'), endpoint: '127.0.0.1:1' },
      }).create(),
    arrived: async () => {
      const clientId = `device-${opened}`;
      await until(() => (gateway.peer(clientId)?.texts.length ?? 0) > 0);
      return farEndOf(gateway.peer(clientId) as GatewayPeer);
    },
    stop: () => gateway.stop(),
  };
}

function farEndOf(peer: GatewayPeer): FarEnd {
  return {
    get texts() {
      return peer.texts.slice(1);
    },
    get packets() {
      return peer.packets;
    },
    get left() {
      return peer.saidGoodbye;
    },
    sayHello: (sessionId, audioParams) => peer.sayHello(sessionId, audioParams),
    sendText: (text) => peer.send(text),
    sendAudio: (packet) => peer.sendAudio(packet),
    hangUp: () => peer.hangUp(),
    // Datagrams that nobody reads are dropped by the system: to the sender it looks the same.
    stopReading: () => {},
  };
}
