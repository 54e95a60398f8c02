import { createHmac } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createDemoServer, type DemoServerOptions } from '../../src/demo-server/server.ts';
import { type BinaryVersion, decodeBinaryFrame, encodeBinaryFrame } from '../../src/protocol/binary-frame.ts';
import {
  codec,
  type DemoBench,
  deviceHeaders,
  startDemoBench,
  uplinkPackets,
} from '../support/demo-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

let bench: DemoBench;
afterEach(() => bench?.stop());

async function start(options?: Partial<DemoServerOptions>) {
  bench = await startDemoBench(options);
}

const post = (path: string, body: unknown = {}, headers: Record<string, string> = deviceHeaders) =>
  fetch(new URL(path, bench.otaUrl), { method: 'POST', headers, body: JSON.stringify(body) });
interface Answer {
  readonly websocket: { readonly token: string };
  readonly activation: { readonly code: string; readonly challenge: string };
}

const check = async () =>
  (await (await post('/xiaozhi/ota/', { application: { version: '2.4.2' } })).json()) as Answer;

describe('the OTA endpoint', () => {
  it('tells a device where to talk and with which token', async () => {
    await start({ protocolVersion: 3 });
    expect(await check()).toEqual({
      server_time: { timestamp: expect.any(Number), timezone_offset: expect.any(Number) },
      firmware: { version: '2.4.2', url: '' },
      websocket: { url: bench.websocketUrl, token: expect.stringMatching(/^[\w-]{32}$/u), version: 3 },
    });
    expect((await check()).websocket.token).toBe((await check()).websocket.token);
  });

  it('refuses as real servers do: 200 without the ids, 404 without the slash', async () => {
    await start();
    const nameless = await post('/xiaozhi/ota/', {}, { 'client-id': 'x' });
    expect([nameless.status, await nameless.json()]).toEqual([
      200,
      { success: false, message: 'request error.' },
    ]);
    expect((await post('/xiaozhi/ota')).status).toBe(404);
    expect((await fetch(new URL('/', bench.otaUrl))).status).toBe(404);
  });

  it('takes any body but a huge one', async () => {
    await start();
    const headers = deviceHeaders;
    const bodies = ['', '{', '[]', '{"application":{"version":7}}', 'x'.repeat(70_000)];
    const answers = await Promise.all(
      bodies.map((body) => fetch(bench.otaUrl, { method: 'POST', headers, body })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 413]);
  });

  it('tells a person who looks what it is', async () => {
    await start();
    expect(await (await fetch(bench.otaUrl)).text()).toBe(`The chat server is at ${bench.websocketUrl}\n`);
  });
});

describe('activation', () => {
  it('is asked for until a person has entered the code', async () => {
    await start({ activation: true });
    const { activation } = await check();
    expect(activation).toEqual({
      code: expect.stringMatching(/^\d{6}$/u),
      message: `Enter the code ${activation.code} at the demo server: ${new URL(`/activate?code=${activation.code}`, bench.otaUrl)}`,
      challenge: expect.stringMatching(/^[0-9a-f]{32}$/u),
    });
    expect((await check()).activation).toEqual(activation);
    expect((await post('/xiaozhi/ota/activate')).status).toBe(202);
    const wrong = activation.code === '000000' ? '000001' : '000000';
    expect((await fetch(new URL(`/activate?code=${wrong}`, bench.otaUrl))).status).toBe(404);
    expect((await post('/xiaozhi/ota/activate')).status).toBe(202);
    expect((await fetch(new URL(`/activate?code=${activation.code}`, bench.otaUrl))).status).toBe(200);
    expect((await post('/xiaozhi/ota/activate')).status).toBe(200);
    expect(await check()).not.toHaveProperty('activation');
    expect(bench.server.activate(activation.code)).toBe(false);
  });

  it('is refused to a device that signs with another key', async () => {
    const key = Buffer.from('the key of this device');
    await start({ activation: true, activationKey: key });
    const { activation } = await check();
    const signed = (by: Buffer) => ({
      algorithm: 'hmac-sha256',
      serial_number: 'sn',
      challenge: activation.challenge,
      hmac: createHmac('sha256', by).update(activation.challenge).digest('hex'),
    });
    bench.server.activate(activation.code);
    const statuses = [];
    for (const body of [signed(Buffer.from('another key')), { ...signed(key), hmac: '' }, signed(key)])
      statuses.push((await post('/xiaozhi/ota/activate', body)).status);
    expect(statuses).toEqual([400, 400, 200]);
  });

  it('of a device that never asked for a code is refused', async () => {
    await start({ activation: true });
    expect((await post('/xiaozhi/ota/activate')).status).toBe(400);
  });
});

describe('the WebSocket endpoint', () => {
  it('answers every hello with the same session', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'hello' });
    await bench.until(() => client.messages.length === 2);
    expect(client.messages[1]).toEqual(client.messages[0]);
    expect(client.messages[0]).toEqual({
      type: 'hello',
      version: 1,
      transport: 'websocket',
      audio_params: { format: 'opus', sample_rate: 24_000, channels: 1, frame_duration: 60 },
      session_id: expect.stringMatching(/^[0-9a-f-]{36}$/u),
    });
  });

  it('refuses a device without id or, when asked to, without its token: a plain text, then close 1000', async () => {
    await start({ auth: true });
    const { token } = (await check()).websocket;
    const outcomes = [];
    for (const headers of [
      { 'device-id': '' },
      {},
      { authorization: 'Bearer wrong' },
      { 'device-id': '02:00:5e:00:00:01', authorization: `Bearer ${token}` },
    ]) {
      const client = await bench.connect({ headers });
      await bench.until(() => client.ended !== undefined);
      outcomes.push([client.texts, client.ended?.code]);
    }
    expect(outcomes).toEqual([
      [['缺少 Device-Id'], 1000],
      [['认证失败'], 1000],
      [['认证失败'], 1000],
      [['认证失败'], 1000],
    ]);
    await bench.greet({ type: 'hello' }, { headers: { authorization: `Bearer ${token}` } });
  });

  it('takes the values of the headers from the query too', async () => {
    await start({ auth: true });
    const { token } = (await check()).websocket;
    const query = `?device-id=${deviceHeaders['device-id']}&authorization=Bearer%20${token}`;
    await bench.greet({ type: 'hello' }, { query });
  });

  it.each<[BinaryVersion, object]>([
    [2, { headers: { 'protocol-version': '2' } }],
    [3, { headers: { 'protocol-version': '3' } }],
    ['gateway', { query: '?from=mqtt_gateway' }],
  ])('talks binary version %s both ways', async (version, connection) => {
    await start();
    const client = await bench.greet({ type: 'hello' }, connection);
    const { pcm } = await readWavFile('test/fixtures/speech-short.wav');
    const packets = uplinkPackets(Int16Array.from([...pcm, ...new Int16Array(16_000)]));
    client.sendFrames(packets.map((packet) => encodeBinaryFrame(version, packet, 0)));
    await bench.until(() => client.story().includes('tts stop'));
    const decoded = client.frames.map((frame) => decodeBinaryFrame(version, frame));
    expect(decoded.length).toBeGreaterThan(10);
    expect(decoded.every(({ ok }) => ok)).toBe(true);
    expect(
      decoded.map((frame) => frame.ok && codec.createDecoder(24_000).decode(frame.packet).length),
    ).toEqual(decoded.map(() => 1440));
  });

  it('numbers the packets that go to a gateway', async () => {
    await start();
    const client = await bench.greet({ type: 'hello' }, { query: '?from=mqtt_gateway' });
    client.send({ type: 'text', text: 'hello' });
    await bench.until(() => client.frames.length > 2);
    expect(client.frames.slice(0, 3).map((frame) => Buffer.from(frame).readUInt32BE(4))).toEqual([0, 1, 2]);
  });

  it('has only the one path', async () => {
    await start();
    const client = await bench.connect({ query: '../v2/' });
    await bench.until(() => client.ended !== undefined);
    expect(client.ended?.code).toBe(1006);
  });

  it('closes 1009 on a message above 1 MiB', async () => {
    await start();
    const client = await bench.greet();
    client.send('x'.repeat(1024 * 1024 + 1));
    await bench.until(() => client.ended !== undefined);
    expect(client.ended?.code).toBe(1009);
  });

  it('says goodbye when asked to', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'goodbye' });
    await bench.until(() => client.ended !== undefined);
    expect(client.ended).toEqual({ code: 1000, reason: 'goodbye' });
  });

  it('cuts off a device that does not answer two pings', async () => {
    await start();
    const [alive, deaf] = [await bench.greet(), await bench.greet({ type: 'hello' }, { autoPong: false })];
    await bench.pass(45_000);
    expect([alive.ended, deaf.ended?.code]).toEqual([undefined, 1006]);
  });

  it('answers after any garbage, and never crashes', async () => {
    await start();
    const client = await bench.greet();
    const hellos = () => client.messages.filter(({ type }) => type === 'hello').length;
    const json = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.record({
        type: fc.constantFrom('hello', 'listen', 'text', 'abort', 'mcp', 'iot', 'tts', '', null),
        state: fc.constantFrom('start', 'stop', 'nonsense', 7, null),
        mode: fc.constantFrom('auto', 'manual', 'realtime', {}, []),
        features: fc.oneof(fc.jsonValue(), fc.constant({ mcp: true })),
        payload: fc.jsonValue(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.string(), json, fc.uint8Array({ maxLength: 80 })), { maxLength: 12 }),
        async (garbage) => {
          const before = hellos();
          for (const item of garbage)
            client.socket.send(
              typeof item === 'string' || item instanceof Uint8Array ? item : JSON.stringify(item),
            );
          client.send({ type: 'hello' });
          const expected = before + 1 + garbage.filter(saysHello).length;
          await bench.until(() => hellos() === expected);
        },
      ),
      { numRuns: 200 },
    );
    client.send('['.repeat(1_000_000));
    client.send(`{"type":"mcp","payload":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`);
    const before = hellos();
    client.send({ type: 'hello' });
    await bench.until(() => hellos() === before + 1);
  });
});

describe('the demo server', () => {
  it('says which port is taken and what to do', async () => {
    await start();
    const port = Number(new URL(bench.otaUrl).port);
    const second = createDemoServer(
      { host: '127.0.0.1', port },
      { codec, clock: new FakeClock(), logger: silentLogger },
    );
    await expect(second.start()).rejects.toMatchObject({
      code: 'SERVER_ADDRESS_UNAVAILABLE',
      message: `Port ${port} on 127.0.0.1 is taken by another program. Choose another port, or end that program.`,
    });
    await second.stop();
  });

  it('leaves no timer and no connection behind when it stops in the middle of an answer', async () => {
    await start();
    const client = await bench.greet({ type: 'hello', features: { mcp: true } });
    const silent = connectTcp(Number(new URL(bench.otaUrl).port), '127.0.0.1');
    const silentClosed = new Promise((resolve) => silent.once('close', resolve));
    silent.on('error', () => {});
    client.send({ type: 'text', text: 'call slow' });
    client.send({ type: 'text', text: 'hello' });
    await bench.until(() => client.story().includes('tts start'));
    await bench.server.stop();
    await bench.server.stop();
    await silentClosed;
    await bench.until(() => client.ended !== undefined);
    expect(bench.clock.pendingTimers).toBe(0);
  });
});

function saysHello(item: unknown): boolean {
  if (typeof item === 'string') {
    try {
      return saysHello(JSON.parse(item));
    } catch {
      return false;
    }
  }
  return typeof item === 'object' && item !== null && (item as { type?: unknown }).type === 'hello';
}
