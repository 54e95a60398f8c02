import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { TransportChooser } from '../../src/adapters/transport/choose-transport.ts';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { MqttEndpoint } from '../../src/ports/provisioning.ts';
import type { StatusEvent } from '../../src/ports/status-display.ts';
import { Device } from '../../src/runtime/device.ts';
import type { OpenTools } from '../../src/runtime/tool-channel.ts';
import { FakeMicrophone } from './device-harness.ts';
import { eagerOptions } from './eager-settings.ts';
import { until } from './scripted-server.ts';

const codec = await loadOpusCodec();
/** Nobody interrupts, and nobody listens for a wake word. */

export interface MqttDeviceOptions {
  readonly endpoint: MqttEndpoint;
  readonly openTools?: OpenTools;
  readonly serverAec?: boolean;
  readonly mode?: 'auto' | 'realtime';
  readonly serverMayListen?: boolean;
}

export interface MqttDevice {
  readonly device: Device;
  readonly microphone: FakeMicrophone;
  readonly events: readonly StatusEvent[];
  eventsOf<Type extends StatusEvent['type']>(type: Type): Extract<StatusEvent, { type: Type }>[];
  /** Ids of the tasks whose results have been spoken, in order. */
  spoken(): string[];
  stop(): Promise<void>;
}

/** A whole device on a real broker and a real UDP socket, in real time, which comes back quickly. */
export async function startMqttDevice(options: MqttDeviceOptions): Promise<MqttDevice> {
  const { endpoint, mode = 'auto', openTools, serverAec = false, serverMayListen = false } = options;
  const clock = monotonicClock;
  const events: StatusEvent[] = [];
  const microphone = new FakeMicrophone();
  const uplink = { sampleRateHz: 16_000, frameDurationMs: 60 };
  const transports = new TransportChooser(
    {
      deviceId: '02:00:5e:10:20:30',
      clientId: '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
      uplink,
      serverAec,
      handshakeTimeoutMs: 5_000,
      helloTimeoutMs: 1_000,
      pingIntervalMs: 0,
      idleTimeoutMs: 0,
      clock,
    },
    { transport: 'mqtt', mqtt: endpoint },
  );
  await transports.use({});
  const device = new Device(
    {
      microphone,
      loudspeaker: createNullLoudspeaker({ pacer: createPacer(clock, 60) }),
      codec,
      transports,
      links: transports,
      provisioning: {
        provisioning: undefined,
        memory: { recall: () => undefined, remember: () => Promise.resolve() },
        useAnswer: () => {},
      },
      display: { show: (event) => events.push(event) },
      clock,
      logger: silentLogger,
      openTools,
    },
    { ...eagerOptions({ listeningMode: mode, serverMayListen }), serverAec },
  );
  device.start();
  await until(() => device.status === 'idle');
  const eventsOf: MqttDevice['eventsOf'] = (type) => events.filter((event) => event.type === type) as never;
  return {
    device,
    microphone,
    events,
    eventsOf,
    spoken: () => eventsOf('announcement').flatMap(({ phase, task }) => (phase === 'spoken' ? [task] : [])),
    stop: () => device.stop(),
  };
}
