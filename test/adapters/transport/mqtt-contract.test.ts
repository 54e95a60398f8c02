import { describe } from 'vitest';
import { describeSessionTransport } from '../../contract/session-transport.contract.ts';
import { noMosquitto, startMosquitto, startPushingBroker } from '../../support/message-broker.ts';
import { skipped } from '../../support/skipped.ts';
import { startMqttBench } from './mqtt-bench.ts';

describeSessionTransport('MQTT + UDP, a gateway that pushes,', () => startMqttBench(startPushingBroker));

describe.skipIf(noMosquitto)(`mosquitto${skipped(noMosquitto)}`, () => {
  describeSessionTransport('MQTT + UDP, a plain broker,', () => startMqttBench(startMosquitto));
});
