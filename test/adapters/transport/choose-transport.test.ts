import { describe, expect, test } from 'vitest';
import { selectRoad } from '../../../src/adapters/transport/choose-transport.ts';
import type { MqttEndpoint } from '../../../src/ports/provisioning.ts';

const websocket = { url: 'ws://ota.example/', token: 'from-ota', version: 3 };
const mqtt: MqttEndpoint = {
  endpoint: 'mqtt.example:8883',
  clientId: 'id',
  username: 'u',
  password: 'p',
  publishTopic: 'device-server',
};
const auto = { transport: 'auto' } as const;

describe('the road to the server', () => {
  test('is MQTT when the OTA server offers both, as in the firmware', () => {
    expect(selectRoad({ websocket, mqtt }, auto)).toMatchObject({ kind: 'mqtt', endpoint: mqtt });
  });

  test('is what the user asks for among those offered', () => {
    expect(selectRoad({ websocket, mqtt }, { transport: 'websocket' })).toEqual({
      kind: 'websocket',
      endpoint: websocket,
    });
    expect(selectRoad({ websocket, mqtt }, { transport: 'mqtt' }).kind).toBe('mqtt');
  });

  test('is the one that is there', () => {
    expect(selectRoad({ websocket }, auto).kind).toBe('websocket');
    expect(selectRoad({ mqtt }, auto).kind).toBe('mqtt');
  });

  test('leads to the address the user configured, whatever the OTA server says', () => {
    const wishes = {
      ...auto,
      websocketUrl: 'ws://mine.example/',
      token: 'mine',
      protocolVersion: 2,
    } as const;
    expect(selectRoad({ websocket, mqtt }, wishes)).toEqual({
      kind: 'websocket',
      endpoint: { url: 'ws://mine.example/', token: 'mine', version: 2 },
    });
    expect(
      selectRoad({ websocket, mqtt }, { ...auto, mqtt: { ...mqtt, endpoint: 'mqtt://mine' } }),
    ).toMatchObject({
      endpoint: { endpoint: 'mqtt://mine' },
    });
  });

  test('subscribes only when told to', () => {
    expect(selectRoad({ mqtt }, auto)).toMatchObject({ endpoint: { subscribeTopic: undefined } });
    expect(selectRoad({ mqtt }, { ...auto, subscribeTopic: 'mine' })).toMatchObject({
      endpoint: { subscribeTopic: 'mine' },
    });
  });

  test('that nobody named is a clear error', () => {
    expect(() => selectRoad({}, auto)).toThrowError(/did not say where to connect\. Check server\.url/);
    expect(() => selectRoad({ websocket }, { transport: 'mqtt' })).toThrowError(/where to connect over MQTT/);
  });
});
