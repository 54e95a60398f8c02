import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { MqttHub } from '../../src/adapters/transport/mqtt-hub.ts';
import { type Clock, monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { parseImpairment } from '../../src/demo-server/impairment.ts';
import { createDemoServer, type DemoServer, type DemoServerOptions } from '../../src/demo-server/server.ts';
import type { MqttEndpoint } from '../../src/ports/provisioning.ts';
import { clientMessage } from '../../src/protocol/messages.ts';
import { openRecorded } from '../contract/session-transport.contract.ts';
import { codec, deviceHeaders, uplinkPackets } from '../support/demo-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { until } from '../support/scripted-server.ts';
import { concat, tone } from '../support/signals.ts';

let server: DemoServer;
let clock: FakeClock;
let otaUrl: string;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await server.stop();
});

async function start(options: Partial<DemoServerOptions> = {}) {
  clock = new FakeClock();
  server = createDemoServer(
    { host: '127.0.0.1', port: 0, mqtt: {}, ...options },
    { codec, clock, logger: silentLogger },
  );
  ({ otaUrl } = await server.start());
}

async function offered(): Promise<MqttEndpoint> {
  const answer = await fetch(otaUrl, { method: 'POST', headers: deviceHeaders, body: '{}' });
  const { mqtt } = (await answer.json()) as { mqtt: Record<string, string> };
  return {
    endpoint: `${mqtt.endpoint}`,
    clientId: `${mqtt.client_id}`,
    username: `${mqtt.username}`,
    password: `${mqtt.password}`,
    publishTopic: `${mqtt.publish_topic}`,
    subscribeTopic: mqtt.subscribe_topic,
  };
}

async function hub(changes: Partial<MqttEndpoint> = {}, deviceClock: Clock = monotonicClock) {
  return new MqttHub({
    endpoint: { ...(await offered()), ...changes },
    uplink: { sampleRateHz: 16_000, frameDurationMs: 60 },
    handshakeTimeoutMs: 10_000,
    helloTimeoutMs: 10_000,
    idleTimeoutMs: 0,
    clock: deviceClock,
  });
}

async function talk(from?: MqttHub) {
  const transport = (from ?? (await hub())).create();
  closers.push(() => transport.close());
  const record = openRecorded(transport);
  await until(() => record.sessions.length + record.ends.length > 0);
  const sessionId = record.sessions[0]?.sessionId ?? '';
  const said = () => record.messages.map((message) => message as { type: string; state?: string });
  /** Lets time pass on the server, and packets on the wire. */
  const until20ms = async (ready: () => boolean) => {
    await until(() => {
      clock.advance(20);
      return ready();
    });
  };
  const spoken = () => said().filter(({ type, state }) => type === 'tts' && state === 'stop').length;
  return { transport, record, sessionId, said, until20ms, spoken };
}

const helloBehindConnack = `
import { connect } from 'mqtt';
const { endpoint, username, password, publishTopic } = JSON.parse(process.argv[1]);
const hello = { type: 'hello', version: 3, transport: 'udp', audio_params: { format: 'opus', sample_rate: 16000, channels: 1, frame_duration: 60 } };
const greet = (number) => new Promise((resolve) => {
  const clientId = 'GID@@@02_00_5e_10_20_' + number;
  const client = connect('mqtt://' + endpoint, { clientId, username, password, protocolVersion: 4, reconnectPeriod: 0 });
  const done = (heard) => client.end(true, () => resolve(heard));
  const timer = setTimeout(done, 2000, 0);
  client.on('connect', () => client.publish(publishTopic, JSON.stringify(hello)));
  client.on('message', (topic, payload) => {
    if (JSON.parse(payload).type !== 'hello') return;
    clearTimeout(timer);
    done(1);
  });
});
let heard = 0;
for (let round = 0; round < 20; round++)
  for (const one of await Promise.all(Array.from({ length: 10 }, (_, index) => greet(10 * round + index)))) heard += one;
process.stdout.write(heard + ' of 200');
`;

describe('the demo server over MQTT and UDP', () => {
  it('is offered by the OTA answer beside the WebSocket, in the words of real servers', async () => {
    await start();
    expect(await offered()).toEqual({
      endpoint: expect.stringMatching(/^127\.0\.0\.1:\d+$/u),
      clientId: 'GID_demo@@@02_00_5e_10_20_30@@@1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
      username: 'eyJpcCI6ICJ1bmtub3duIn0=',
      password: expect.stringMatching(/^[\w-]{32}$/u),
      publishTopic: 'device-server',
      subscribeTopic: 'devices/p2p/02_00_5e_10_20_30',
    });
  });

  it('hears a hello that comes right behind its CONNACK, while it still makes the connection ready', async () => {
    await start();
    const offer = await offered();
    // From another process, which answers while this one is not done yet.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', helloBehindConnack, JSON.stringify(offer)],
      { cwd: import.meta.dirname },
    );
    expect(stdout).toBe('200 of 200');
  });

  it('repeats what it has heard', async () => {
    await start();
    const { transport, record, sessionId, said, until20ms, spoken } = await talk();
    transport.sendText(clientMessage.listenStart(sessionId, 'auto'));
    // Long enough that the beginning may be lost to audio that overtakes `listen start`.
    const speech = uplinkPackets(concat([tone(300, 16_000, 6_000), new Int16Array(32_000)]));
    await until20ms(() => {
      const packet = speech.shift();
      if (packet) transport.sendAudio(packet, 0);
      return spoken() > 0;
    });
    const story = said().filter(({ type }) => type !== 'mcp');
    expect(story.map(({ type, state }) => (state ? `${type} ${state}` : type))).toEqual([
      'stt',
      'llm',
      'tts start',
      'tts sentence_start',
      'tts stop',
    ]);
    expect(record.packets.length).toBeGreaterThanOrEqual(18);
  });

  it('answers a text turn, although the device sends no audio', async () => {
    await start();
    const { transport, record, sessionId, until20ms, spoken } = await talk();
    transport.sendText(clientMessage.listenDetect(sessionId, 'hello'));
    await until20ms(() => spoken() > 0);
    expect(record.packets.length).toBeGreaterThan(0);
  });

  it('asks for the tools at once and pushes while the device is idle', async () => {
    await start();
    const device = await hub();
    const link = device.createLink();
    closers.push(() => link.close());
    const messages: object[] = [];
    let up = false;
    link.open({
      onUp: () => {
        up = true;
      },
      onMessage: (json) => {
        messages.push(json);
        const { payload } = json as { payload?: { id?: number } };
        if (payload?.id === 10_000) {
          link.sendText(JSON.stringify({ type: 'mcp', payload: { jsonrpc: '2.0', id: 10_000, result: {} } }));
        }
      },
      onProblem: () => {},
      onEnd: () => {},
    });
    await until(() => up && messages.length === 3);
    expect(messages).toMatchObject([
      { payload: { method: 'initialize', id: 10_000 } },
      { payload: { method: 'notifications/initialized' } },
      { payload: { method: 'tools/list', id: 10_001 } },
    ]);
    expect(server.push('02:00:5e:10:20:30', { type: 'alert' })).toBe(true);
    await until(() => messages.length === 4);
    const { transport, sessionId } = await talk(device);
    expect(sessionId).not.toBe('');
    await transport.close();
    server.push('02:00:5e:10:20:30', { type: 'alert', status: 'after' });
    await until(() => messages.length === 5);
    expect(server.push('02:00:5e:00:00:00', {})).toBe(false);
  });

  it('holds one conversation after the other on one connection', async () => {
    await start();
    // A clock that stands still: a goodbye that is not echoed would be waited for for ever.
    const device = await hub({}, new FakeClock());
    const link = device.createLink();
    closers.push(() => link.close());
    link.open({ onUp: () => {}, onMessage: () => {}, onProblem: () => {}, onEnd: () => {} });
    const ids = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const { transport, sessionId } = await talk(device);
      ids.add(sessionId);
      await transport.close();
    }
    expect(ids.size).toBe(5);
  });

  it('sends strangers away when it asks for the token', async () => {
    await start({ auth: true });
    const stranger = (await hub({ password: 'wrong' })).create();
    const record = openRecorded(stranger);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.error).toMatchObject({ code: 'TRANSPORT_REFUSED', retryable: false });
    expect((await talk()).sessionId).not.toBe('');
  });

  it('does to either leg what a bad network does', async () => {
    await start({ impairment: parseImpairment('loss=30%,dup=30%,seed=3,leg=down') });
    const { transport, record, sessionId, until20ms, spoken } = await talk();
    transport.sendText(clientMessage.listenDetect(sessionId, 'a b c d e f g h i j k l m n o p q r s t'));
    await until20ms(() => spoken() > 0);
    const counters = (transport as unknown as { counters: Record<string, number> }).counters;
    expect(counters.duplicate).toBeGreaterThan(0);
    expect(record.packets.length).toBeGreaterThan(0);
  });

  it('takes after real servers there, too', async () => {
    for (const manner of ['python', 'java', 'go'] as const) {
      await start({ behaviour: { manner } });
      const { transport, record, sessionId, said, until20ms, spoken } = await talk();
      transport.sendText(clientMessage.listenDetect(sessionId, 'hello'));
      await until20ms(() => spoken() > 0);
      transport.sendText(clientMessage.listenStart(sessionId, 'auto'));
      // Deaf for two seconds behind the text: the beginning is lost to that.
      const speech = uplinkPackets(concat([tone(300, 16_000, 9_000), new Int16Array(32_000)]));
      let at = 0;
      await until20ms(() => {
        if (at < speech.length) transport.sendAudio(speech[at++] as Uint8Array, clock.now());
        clock.advance(40);
        return spoken() > 1;
      });
      const heard = said()
        .map(({ type, state }) => (state ? `${type} ${state}` : type))
        .filter((part) => /^stt|stop/u.test(part));
      expect(heard).toEqual([...(manner === 'go' ? [] : ['stt']), 'tts stop', 'stt', 'tts stop']);
      expect(record.packets.length).toBeGreaterThan(60);
      await transport.close();
      if (manner !== 'go') await server.stop();
    }
  });

  it('as the Go server marks a session with eight bytes, and says nothing to a goodbye', async () => {
    await start({ behaviour: { manner: 'go' } });
    const { endpoint, clientId, username, password } = await offered();
    const client = await connectAsync(`mqtt://${endpoint}`, { clientId, username, password });
    closers.push(() => client.endAsync(true));
    const messages: { type: string; udp?: { nonce: string; encryption?: string } }[] = [];
    client.on('message', (_topic, payload) => messages.push(JSON.parse(payload.toString())));
    const send = (message: object) => client.publishAsync('device-server', JSON.stringify(message));
    const audio_params = { format: 'opus', sample_rate: 16_000, channels: 1, frame_duration: 60 };
    await send({ type: 'hello', version: 3, transport: 'udp', audio_params });
    await until(() => messages.length === 1);
    expect(messages[0]).toMatchObject({ type: 'hello', version: 0, transport: 'udp' });
    expect(messages[0]?.udp?.encryption).toBeUndefined();
    expect(messages[0]?.udp?.nonce).toMatch(/^01000000[0-9a-f]{8}(?!00)[0-9a-f]{8}00000000$/u);
    await send({ type: 'goodbye' });
    await send({ type: 'listen', state: 'detect', text: 'hello' });
    await until(() => {
      clock.advance(20);
      return messages.some(({ type }) => type === 'tts');
    });
    expect(messages.map(({ type }) => type)).not.toContain('goodbye');
  });
});
