import { expect, test } from 'vitest';
import { createDeviceId, deviceIdFault } from '../../src/config/device-id.ts';
import { openIdentity } from '../../src/config/identity.ts';
import { ConfigSchema } from '../../src/config/schema.ts';
import type { ClientError } from '../../src/core/errors.ts';
import type { Storage } from '../../src/ports/storage.ts';

class MemoryStorage implements Storage {
  readonly records = new Map<string, unknown>();
  writes = 0;
  get = (name: string) => Promise.resolve(structuredClone(this.records.get(name)));
  set = (name: string, record: unknown) => {
    this.writes += 1;
    this.records.set(name, structuredClone(record));
    return Promise.resolve();
  };
}

const configured = (identity: object = {}) => ConfigSchema.parse({ identity }).identity;
const unexpected = (error: ClientError) => {
  throw error;
};

const websocket = { url: 'wss://host/xiaozhi/v1/', token: 'secret', version: 1 };
const mqtt = { endpoint: 'host', clientId: 'c', username: 'u', password: 'p', publishTopic: 't' };

test('every made device id is a locally administered unicast MAC address', () => {
  for (let i = 0; i < 1000; i++) {
    const id = createDeviceId();
    expect(deviceIdFault(id)).toBeUndefined();
    expect(Number.parseInt(id.slice(0, 2), 16) & 3).toBe(2);
  }
});

test('a device makes its identity once and keeps it', async () => {
  const storage = new MemoryStorage();
  const first = await openIdentity(storage, configured(), unexpected);
  const second = await openIdentity(storage, configured(), unexpected);
  expect(first.identity).toEqual({
    deviceId: expect.stringMatching(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/),
    clientId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    serialNumber: undefined,
    hmacKey: undefined,
  });
  expect(second.identity).toEqual(first.identity);
  expect(storage.writes).toBe(1);
});

test('configured values win and are not stored', async () => {
  const storage = new MemoryStorage();
  const mine = {
    deviceId: '02:00:5e:10:20:30',
    clientId: '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
    serialNumber: 'SN-1',
    hmacKey: '01'.repeat(32),
  };
  const { identity } = await openIdentity(storage, configured(mine), unexpected);
  expect(identity).toEqual(mine);
  expect(JSON.stringify(storage.records.get('identity'))).not.toContain(mine.deviceId);
  expect((await openIdentity(storage, configured(), unexpected)).identity.serialNumber).toBeUndefined();
});

test('an HMAC key without a serial number is refused without showing the key', async () => {
  const hmacKey = 'ab'.repeat(32);
  const opening = openIdentity(new MemoryStorage(), configured({ hmacKey }), unexpected);
  await expect(opening).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.not.stringContaining(hmacKey),
  });
});

test('the last good answer is remembered for its server and this device only', async () => {
  const storage = new MemoryStorage();
  const before = await openIdentity(storage, configured(), unexpected);
  expect(before.recall('https://a/ota/')).toBeUndefined();
  await before.remember('https://a/ota/', { websocket, mqtt, activation: { code: '123456' } });

  const after = await openIdentity(storage, configured(), unexpected);
  expect(after.recall('https://a/ota/')).toEqual({ websocket, mqtt });
  expect(after.recall('https://b/ota/')).toBeUndefined();
  const other = await openIdentity(storage, configured({ deviceId: '02:00:00:00:00:01' }), unexpected);
  expect(other.recall('https://a/ota/')).toBeUndefined();
});

test('an answer without endpoints leaves the remembered ones, and an equal one writes nothing', async () => {
  const storage = new MemoryStorage();
  const store = await openIdentity(storage, configured(), unexpected);
  await store.remember('https://a/ota/', { websocket });
  const writes = storage.writes;
  await store.remember('https://a/ota/', { activation: { code: '1' } });
  await store.remember('https://a/ota/', { websocket: { ...websocket } });
  expect(storage.writes).toBe(writes);
  expect(store.recall('https://a/ota/')).toEqual({ websocket, mqtt: undefined });
});

test('only the parts of a stored identity that make no sense are made anew, and that is reported', async () => {
  const storage = new MemoryStorage();
  const clientId = '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a';
  await storage.set('identity', { deviceId: 'ff:00:00:00:00:00', clientId, lastAnswer: 7, future: 1 });
  const problems: ClientError[] = [];
  const { identity } = await openIdentity(storage, configured(), (error) => problems.push(error));
  expect(identity.clientId).toBe(clientId);
  expect(deviceIdFault(identity.deviceId)).toBeUndefined();
  expect(problems).toMatchObject([
    { code: 'STATE_DAMAGED', message: expect.stringContaining('(deviceId, lastAnswer)') },
  ]);
  expect(storage.records.get('identity')).toEqual({ ...identity, future: 1 });
});

test.each([[[]], ['text'], [null], [7]])('a stored identity of %j is made anew', async (stored) => {
  const storage = new MemoryStorage();
  await storage.set('identity', stored);
  const problems: ClientError[] = [];
  const { identity } = await openIdentity(storage, configured(), (error) => problems.push(error));
  expect(problems).toHaveLength(1);
  expect(storage.records.get('identity')).toEqual({
    deviceId: identity.deviceId,
    clientId: identity.clientId,
  });
});
