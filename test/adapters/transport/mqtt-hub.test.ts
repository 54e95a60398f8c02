import { setImmediate as nextTick } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MqttHub } from '../../../src/adapters/transport/mqtt-hub.ts';
import type { ControlLink } from '../../../src/ports/control-link.ts';
import type { ChannelEnd } from '../../../src/ports/session-transport.ts';
import { clientMessage } from '../../../src/protocol/messages.ts';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type PushingBroker, startPushingBroker } from '../../support/message-broker.ts';
import {
  type GatewayPeer,
  type ScriptedGateway,
  startScriptedGateway,
} from '../../support/scripted-gateway.ts';
import { until } from '../../support/scripted-server.ts';
import { mqttHub } from './mqtt-bench.ts';

const name = 'device-1';
let clock: FakeClock;
let broker: PushingBroker;
let gateway: ScriptedGateway;
let hub: MqttHub;
const open: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  clock = new FakeClock();
  broker = await startPushingBroker();
  gateway = await startScriptedGateway(broker);
  hub = mqttHub(broker, clock);
});
afterEach(async () => {
  for (const each of open.splice(0)) void each.close();
  await gateway.stop();
});

function openLink(from = hub) {
  const link: ControlLink = from.createLink();
  open.push(link);
  const events: string[] = [];
  const messages: object[] = [];
  const ends: ChannelEnd[] = [];
  link.open({
    onUp: () => events.push('up'),
    onMessage: (json) => {
      events.push(`message ${json.type}`);
      messages.push(json);
    },
    onProblem: (error) => events.push(`problem ${error.code}`),
    onEnd: (end) => {
      events.push('end');
      ends.push(end);
    },
  });
  return { link, events, messages, ends };
}

function openSession(from = hub) {
  const transport = from.create();
  open.push(transport);
  return { transport, record: openRecorded(transport) };
}

const peer = () => gateway.peer(name) as GatewayPeer;
const connected = () => until(() => broker.clientIds.includes(name));
const hellos = () => (gateway.peer(name)?.texts ?? []).filter((text) => text.includes('"hello"')).length;
const ticks = async () => {
  for (let i = 0; i < 30; i++) await nextTick();
};

/** A session whose hello has been answered. */
async function talk(sessionId = 's-1', from = hub) {
  const before = hellos();
  const session = openSession(from);
  await until(() => hellos() > before);
  peer().sayHello(sessionId);
  await until(() => session.record.sessions.length > 0);
  return session;
}

describe('the control link', () => {
  it('says what the firmware says: user, password, no subscription, and the hello of rule D21', async () => {
    openSession();
    await until(() => hellos() === 1);
    expect(broker.credentials).toEqual(['user', 'secret']);
    expect(broker.subscriptions).toEqual([]);
    expect(peer().texts).toEqual([
      '{"type":"hello","version":3,"features":{"mcp":true,"glyph_push":false},"transport":"udp","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}',
    ]);
  });

  it('subscribes only when it is told a topic, and "null" is none', async () => {
    for (const subscribeTopic of ['null', '', 'devices/p2p/x']) {
      const { link } = openLink(
        mqttHub(broker, clock, { endpoint: { ...broker.endpointOf(`d-${subscribeTopic}`), subscribeTopic } }),
      );
      await until(() => broker.clientIds.includes(`d-${subscribeTopic}`));
      await ticks();
      await link.close();
    }
    expect(broker.subscriptions).toEqual(['devices/p2p/x']);
  });

  it('is up when the server has kept it for a moment, or has said something', async () => {
    const { events } = openLink();
    await connected();
    await until(() => clock.pendingTimers === 1);
    expect(events).toEqual([]);
    clock.advance(2_000);
    expect(events).toEqual(['up']);
    const other = openLink(mqttHub(broker, clock, { clientId: 'device-2' }));
    await until(() => broker.clientIds.includes('device-2'));
    broker.push('device-2', '{"type":"mcp"}');
    await until(() => other.events.length === 2);
    expect(other.events).toEqual(['up', 'message mcp']);
  });

  it('carries messages while nobody talks, and gives them to the session while somebody does', async () => {
    const { link, events } = openLink();
    await connected();
    broker.push(name, '{"type":"alert"}');
    await until(() => events.includes('message alert'));
    expect(link.sendText('{"type":"mcp"}')).toBe(true);
    const { transport, record } = await talk();
    peer().send({ type: 'llm' });
    await until(() => record.messages.length === 1);
    await transport.close();
    peer().send({ type: 'mcp' });
    await until(() => events.includes('message mcp'));
    expect(events).toEqual(['up', 'message alert', 'message mcp']);
    expect(record.events).toEqual(['session', 'message llm']);
  });

  it('is one connection with its sessions, which ends when the last has gone', async () => {
    const { link } = openLink();
    await connected();
    const { transport } = await talk();
    await link.close();
    await ticks();
    expect(broker.clientIds).toEqual([name]);
    await transport.close();
    await until(() => broker.clientIds.length === 0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is refused with the words of a broker that does not like us', async () => {
    broker.verdict = 5;
    const { ends, events } = openLink();
    await until(() => ends.length > 0);
    expect([events, ends]).toMatchObject([
      ['end'],
      [{ normal: false, error: { code: 'TRANSPORT_REFUSED', retryable: false } }],
    ]);
    expect(ends[0]?.description).toContain('may not connect');
    expect(ends[0]?.description).not.toContain('secret');
  });

  it('does not take CONNACK for success: a gateway that then hangs up has refused', async () => {
    broker.verdict = 'hang-up';
    const { ends, events } = openLink();
    await until(() => ends.length > 0);
    expect([events, ends]).toMatchObject([
      ['end'],
      [{ error: { code: 'TRANSPORT_REFUSED', retryable: true } }],
    ]);
  });

  it('ends link and session together when the broker dies, and works again when it is back', async () => {
    const { ends, events } = openLink();
    await connected();
    const { record } = await talk();
    await broker.kill();
    await until(() => ends.length + record.ends.length === 2);
    expect(record.ends[0]).toMatchObject({
      normal: false,
      error: { code: 'TRANSPORT_CLOSED', retryable: true },
    });
    expect(events.at(-1)).toBe('end');
    const refused = openLink();
    await until(() => refused.ends.length > 0);
    expect(refused.ends[0]?.error).toMatchObject({ code: 'TRANSPORT_UNREACHABLE', retryable: true });
    await broker.listen();
    openLink();
    const { record: again } = await talk('s-2');
    expect(again.sessions[0]?.sessionId).toBe('s-2');
  });

  it('is made anew when a hello is not answered: it may have been dead since the computer slept', async () => {
    const { ends } = openLink();
    await connected();
    const { transport } = await talk();
    await transport.close();
    broker.hold(name);
    const { record } = openSession();
    await until(() => clock.pendingTimers > 0);
    clock.advance(1_000);
    await until(() => hellos() === 2);
    clock.advance(10_000);
    expect([record.ends, ends]).toMatchObject([
      [{ error: { code: 'TRANSPORT_TIMEOUT', retryable: true } }],
      [{ error: { code: 'TRANSPORT_TIMEOUT', retryable: true } }],
    ]);
    openLink();
    const { record: again } = await talk('s-2');
    expect(again.sessions[0]?.sessionId).toBe('s-2');
  });

  it('is kept when the server says something, only not hello', async () => {
    const { ends } = openLink();
    const { record } = openSession();
    await until(() => hellos() === 1);
    clock.advance(1);
    peer().send({ type: 'mcp' });
    await until(() => record.messages.length === 1);
    clock.advance(10_000);
    expect([record.ends.length, ends]).toEqual([1, []]);
  });

  it('gives up on a server that accepts and says nothing', async () => {
    const { createServer } = await import('node:net');
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const { ends } = openLink(
      mqttHub(broker, clock, { endpoint: { ...broker.endpointOf(name), endpoint: `127.0.0.1:${port}` } }),
    );
    await until(() => clock.pendingTimers > 0);
    clock.advance(10_000);
    expect(ends).toMatchObject([{ error: { code: 'TRANSPORT_UNREACHABLE', retryable: true } }]);
    silent.close();
  });

  it.each([
    ['malformed', Buffer.from('ffffffffffffffff', 'hex')],
    ['endless', Buffer.from('30ffffff7f0000', 'hex')],
    ['not MQTT', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('ends on bytes that are %s, and the process lives', async (_kind, bytes) => {
    const { createServer } = await import('node:net');
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { ends } = openLink(
      mqttHub(broker, clock, { endpoint: { ...broker.endpointOf(name), endpoint: `127.0.0.1:${port}` } }),
    );
    await until(() => ends.length > 0);
    expect(ends[0]?.normal).toBe(false);
    server.close();
  });

  it('says what is wrong with an address that is none', async () => {
    const { ends } = openLink(
      mqttHub(broker, clock, { endpoint: { ...broker.endpointOf(name), endpoint: 'no port:here' } }),
    );
    await until(() => ends.length > 0);
    expect(ends[0]?.error?.code).toBe('TRANSPORT_UNREACHABLE');
  });

  it('ignores stored messages and those that are no objects', async () => {
    const { events } = openLink();
    await connected();
    broker.push(name, '{"type":"alert"}', { retain: true });
    broker.push(name, '[]');
    broker.push(name, '{"type":"llm"}');
    await until(() => events.includes('message llm'));
    expect(events).toEqual(['up', 'problem PROTOCOL_BAD_MESSAGE', 'message llm']);
  });

  it('keeps a message that is too long for a gateway to itself', async () => {
    const { link, events } = openLink();
    await connected();
    await until(() => link.sendText('{}'));
    expect(link.sendText(JSON.stringify({ long: 'x'.repeat(8_192) }))).toBe(true);
    expect(events).toEqual(['problem TRANSPORT_SEND_FAILED']);
    await until(() => (gateway.peer(name)?.texts.length ?? 0) === 1);
  });
});

describe('a connection whose other end is gone without a word', () => {
  it('is noticed when something is said, by text or by voice, and told to link and session', async () => {
    for (const say of ['text', 'voice']) {
      const from = mqttHub(broker, clock, { clientId: `quiet-${say}`, pingIntervalMs: 30_000 });
      const { ends } = openLink(from);
      const session = openSession(from);
      await until(() => (gateway.peer(`quiet-${say}`)?.texts.length ?? 0) > 0);
      gateway.peer(`quiet-${say}`)?.sayHello('s-1');
      await until(() => session.record.sessions.length > 0);
      session.transport.sendText('{"type":"listen"}');
      clock.advance(10_000);
      await until(() => gateway.peer(`quiet-${say}`)?.texts.length === 2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      clock.advance(5_000);
      expect([ends, session.record.ends]).toEqual([[], []]);
      broker.hold(`quiet-${say}`);
      clock.advance(10_000);
      if (say === 'text') session.transport.sendText('{"type":"listen"}');
      else session.transport.sendAudio(Uint8Array.of(1), 0);
      clock.advance(5_000);
      expect([ends.length, session.record.ends[0]?.error?.code]).toEqual([1, 'TRANSPORT_CLOSED']);
      expect(ends[0]?.description).toContain('is dead');
    }
  });
});

describe('an answer without sound', () => {
  const words = [
    { type: 'tts', state: 'start' },
    { type: 'tts', state: 'sentence_start', text: 'hello' },
    { type: 'tts', state: 'stop' },
  ];
  const answer = async (record: { messages: object[] }) => {
    const before = record.messages.length;
    for (const message of words) peer().send(message);
    await until(() => record.messages.length === before + 3);
  };
  const timeouts = () => peer().texts.filter((text) => text === '{"type":"udp_timeout"}').length;

  it('is told once, with where it should have come from, and the gateway hears of it', async () => {
    const { record } = await talk();
    await answer(record);
    clock.advance(499);
    expect(record.problems).toEqual([]);
    clock.advance(1);
    expect(record.problems).toEqual(['TRANSPORT_NO_AUDIO']);
    expect(record.problemTexts[0]).toContain(`from 127.0.0.1, port ${gateway.udpPort}`);
    expect(record.problemTexts[0]).toContain('--transport websocket');
    await until(() => timeouts() === 1);
    await answer(record);
    clock.advance(500);
    expect(record.problems).toHaveLength(1);
  });

  it('is not told to gateways that do not know the word', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().sayHello('s-1', undefined, { nonce: '01000000aabbccddaabbccdd00000000' });
    await until(() => record.sessions.length > 0);
    await answer(record);
    clock.advance(500);
    expect(record.problems).toEqual(['TRANSPORT_NO_AUDIO']);
    await ticks();
    expect(timeouts()).toBe(0);
  });

  it('is none when sound came before its words, was cut short by us, or had no words', async () => {
    const { record, transport } = await talk();
    await until(() => peer().punches > 0);
    peer().sendAudio(Uint8Array.of(1));
    await until(() => record.packets.length === 1);
    await answer(record);
    clock.advance(500);
    peer().send({ type: 'tts', state: 'start' });
    peer().send({ type: 'tts', state: 'stop' });
    await until(() => record.messages.length === 5);
    clock.advance(500);
    peer().send({ type: 'tts', state: 'sentence_start', text: 'long' });
    await until(() => record.messages.length === 6);
    transport.sendText(clientMessage.abort('s-1', 'user'));
    peer().send({ type: 'tts', state: 'stop' });
    await until(() => record.messages.length === 7);
    clock.advance(500);
    expect(record.problems).toEqual([]);
  });

  it('is news again after one with sound', async () => {
    const { record } = await talk();
    await answer(record);
    clock.advance(500);
    await until(() => peer().punches > 0);
    peer().sendAudio(Uint8Array.of(1));
    await until(() => record.packets.length === 1);
    await answer(record);
    clock.advance(500);
    await answer(record);
    clock.advance(500);
    expect(record.problems).toEqual(['TRANSPORT_NO_AUDIO', 'TRANSPORT_NO_AUDIO']);
  });
});

describe('goodbye', () => {
  it('is echoed before the next hello is said', async () => {
    openLink();
    gateway.echoesGoodbye = false;
    const first = await talk('s-1');
    await first.transport.close();
    openSession();
    await until(() => peer().saidGoodbye);
    await ticks();
    expect(hellos()).toBe(1);
    peer().send(clientMessage.goodbye('s-1'));
    await until(() => hellos() === 2);
  });

  it('is waited for one second at most', async () => {
    openLink();
    gateway.echoesGoodbye = false;
    const first = await talk('s-1');
    await first.transport.close();
    openSession();
    await ticks();
    expect(hellos()).toBe(1);
    clock.advance(1_000);
    await until(() => hellos() === 2);
  });

  it('of another session, or of none, is not ours', async () => {
    const { record } = await talk('s-1');
    peer().send({ type: 'goodbye', session_id: 's-0' });
    peer().send({ type: 'goodbye' });
    peer().send({ type: 'llm' });
    await until(() => record.messages.length === 1);
    expect(record.events).toEqual(['session', 'message llm']);
  });

  it('right after the first words means: try again', async () => {
    const { transport, record } = await talk('s-1');
    transport.sendText(clientMessage.listenStart('s-1', 'auto'));
    peer().hangUp();
    await until(() => record.ends.length > 0);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: 'TRANSPORT_CLOSED', retryable: true } },
    ]);
  });

  it('after an answer is the end', async () => {
    const { transport, record } = await talk('s-1');
    transport.sendText(clientMessage.listenStart('s-1', 'auto'));
    peer().send({ type: 'tts', state: 'start' });
    peer().hangUp();
    await until(() => record.ends.length > 0);
    expect(record.ends).toMatchObject([{ normal: true }]);
    expect(peer().saidGoodbye).toBe(false);
  });

  it('is said to a session that nobody waits for any more', async () => {
    openLink();
    const { transport } = openSession();
    await until(() => hellos() === 1);
    await transport.close();
    await until(() => peer().texts.length === 2);
    peer().sayHello('late');
    await until(() => peer().texts.length === 3);
    expect(peer().texts.slice(1)).toEqual([clientMessage.goodbye(''), clientMessage.goodbye('late')]);
  });
});

describe('the hello of a gateway', () => {
  const udp = { server: '127.0.0.1', port: 9, key: '0'.repeat(32), nonce: '0'.repeat(32) };
  it.each([
    ['no udp', { udp: undefined }, 'udp is missing'],
    ['a short key', { udp: { ...udp, key: '00' } }, 'udp.key is not 32 hexadecimal digits'],
    ['a nonce that is no hex', { udp: { ...udp, nonce: 'x'.repeat(32) } }, 'udp.nonce is not 32 hexadecimal'],
    ['port 0', { udp: { ...udp, port: 0 } }, 'udp.port is not a port'],
    ['no server', { udp: { ...udp, server: undefined } }, 'udp.server is missing'],
    ['another transport', { transport: 'websocket' }, 'transport is "websocket", not "udp"'],
  ])('with %s says at once what is wrong', async (_what, fault, words) => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().send({ type: 'hello', transport: 'udp', session_id: 's-1', ...fault });
    peer().send({ type: 'llm' });
    await until(() => record.messages.length > 0);
    clock.advance(250);
    expect(record.sessions).toEqual([]);
    expect(record.ends).toMatchObject([{ error: { code: 'TRANSPORT_REFUSED', retryable: false } }]);
    expect(record.ends[0]?.description).toContain(`said hello, but ${words}`);
    await until(() => peer().texts.length === 2);
    expect(peer().texts[1]).toBe(clientMessage.goodbye('s-1'));
  });

  it('again, and of no use, leaves the conversation as it is', async () => {
    const { record } = await talk('s-1');
    peer().send({ type: 'hello', transport: 'udp', session_id: 's-2' });
    peer().send({ type: 'llm' });
    await until(() => record.messages.length === 1);
    expect(record.events).toEqual(['session', 'problem', 'message llm']);
  });

  it('with its port as text is one', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().sayHello('s-1', undefined, { port: String(gateway.udpPort) });
    await until(() => record.sessions.length === 1);
  });

  it('cannot come without a topic to ask for it, which is told at once', async () => {
    const { record } = openSession(
      mqttHub(broker, clock, { endpoint: { ...broker.endpointOf(name), publishTopic: '' } }),
    );
    await until(() => record.ends.length > 0);
    expect(record.ends).toMatchObject([{ error: { code: 'TRANSPORT_REFUSED' } }]);
    expect(record.ends[0]?.description).toContain('names no publish_topic');
  });

  it('that does not come is told with what the server said in its place', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().send('认证失败');
    await ticks();
    clock.advance(10_000);
    expect(record.events).toEqual(['end']);
    expect(record.ends[0]?.description).toContain('It said: 认证失败.');
  });

  it('that does not come to a device the server does not know ends with its words', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().send({ type: 'stt', text: '请登录控制面板，输入123456，绑定设备。' });
    await until(() => record.ends.length > 0);
    expect(record.events).toEqual(['message stt', 'end']);
    expect(record.ends).toMatchObject([{ error: { code: 'DEVICE_NOT_BOUND', retryable: false } }]);
    expect(record.ends[0]?.description).toContain('输入123456');
  });

  it('is still waited for when the rest of the last answer comes first', async () => {
    openLink();
    const { transport } = await talk('s-1');
    await transport.close();
    const { record } = openSession();
    await until(() => hellos() === 2);
    peer().send({ type: 'tts', state: 'sentence_start', text: 'the rest', session_id: 's-1' });
    peer().sayHello('s-2');
    await until(() => record.sessions.length === 1);
    expect(record.events).toEqual(['message tts', 'session']);
  });

  it('keeps its place before what follows it, however long the audio socket takes', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    const release = broker.hold(name);
    peer().sayHello('s-1');
    for (let i = 0; i < 5; i++) peer().send({ type: `message-${i}` });
    await ticks();
    release();
    await until(() => record.messages.length === 5);
    expect(record.events).toEqual([
      'session',
      ...Array.from({ length: 5 }, (_, i) => `message message-${i}`),
    ]);
  });

  it('that names a server nobody knows ends the session with what to check', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().sayHello('s-1', undefined, { server: 'no-such-host.invalid' });
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.error).toMatchObject({ code: 'TRANSPORT_UNREACHABLE', retryable: true });
  });

  it('may be an error, which is passed on in its own words', async () => {
    const { record } = openSession();
    await until(() => hellos() === 1);
    peer().send({ type: 'goodbye' });
    peer().send({ type: 'error', message: '处理 hello 消息失败' });
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.description).toContain('处理 hello 消息失败');
    expect(record.ends[0]?.error?.retryable).toBe(true);
  });
});
