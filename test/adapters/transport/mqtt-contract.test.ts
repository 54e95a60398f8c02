import { describe } from 'vitest';
import { describeSessionTransport } from '../../contract/session-transport.contract.ts';
import { mosquittoInstalled, startMosquitto, startPushingBroker } from '../../support/message-broker.ts';
import { startMqttBench } from './mqtt-bench.ts';

describeSessionTransport('MQTT + UDP, a gateway that pushes,', () => startMqttBench(startPushingBroker));

describe.skipIf(!mosquittoInstalled)(
  'mosquitto (skipped where it is not installed: scripts/setup --ci)',
  () => {
    describeSessionTransport('MQTT + UDP, a plain broker,', () => startMqttBench(startMosquitto));
  },
);
