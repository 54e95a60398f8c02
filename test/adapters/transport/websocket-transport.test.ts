import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { setImmediate as nextTick } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ErrorCode } from '../../../src/core/errors.ts';
import type { SessionTransport } from '../../../src/ports/session-transport.ts';
import { decodeBinaryFrame, encodeBinaryFrame } from '../../../src/protocol/binary-frame.ts';
import { openRecorded } from '../../contract/session-transport.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  type Peer,
  type ScriptedServer,
  type ScriptedServerOptions,
  startScriptedServer,
  until,
} from '../../support/scripted-server.ts';
import { device, helloOf, webSocketTransport } from './websocket-bench.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Options = Parameters<typeof webSocketTransport>[2];

function open(url: string, options: Options = {}, clock = new FakeClock()) {
  const transport = webSocketTransport(url, clock, options);
  closers.push(() => transport.close());
  return { transport, clock, record: openRecorded(transport) };
}

async function serve(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(options);
  closers.push(() => server.stop());
  return server;
}

/** Opens a channel to a server that only does what the test tells it. */
async function meet(options: Options = {}, path = '') {
  const server = await serve();
  const { transport, clock, record } = open(server.url + path, options);
  await until(() => server.peers[0]?.texts.length === 1);
  return { server, transport, clock, record, peer: server.peers[0] as Peer };
}

async function talk(options: Options = {}) {
  const met = await meet(options);
  met.peer.send(helloOf());
  await until(() => met.record.sessions.length === 1);
  return met;
}

describe('the upgrade (firmware C2)', () => {
  const ids = { 'device-id': device.deviceId, 'client-id': device.clientId };
  const sentHeaders = async (options: Options) => {
    const { peer } = await meet(options);
    const { authorization, 'protocol-version': version, 'device-id': id, 'client-id': client } = peer.headers;
    return { authorization, version, 'device-id': id, 'client-id': client };
  };

  it('prefixes a bare token with Bearer', async () => {
    expect(await sentHeaders({ token: 'abc', version: 2 })).toEqual({
      ...ids,
      authorization: 'Bearer abc',
      version: '2',
    });
  });

  it('sends a token that has its own scheme as it is', async () => {
    expect(await sentHeaders({ token: 'Basic abc' })).toEqual({
      ...ids,
      authorization: 'Basic abc',
      version: '1',
    });
  });

  it('sends no Authorization without a token', async () => {
    expect(await sentHeaders({ version: 3 })).toEqual({ ...ids, authorization: undefined, version: '3' });
  });

  it('takes a version that does not exist for 1', async () => {
    expect((await sentHeaders({ version: 7 })).version).toBe('1');
  });

  it('sends neither origin, sub-protocol nor compression, and the bare word Upgrade that servers compare with', async () => {
    const { peer } = await meet();
    const {
      origin,
      connection,
      'sec-websocket-protocol': protocol,
      'sec-websocket-extensions': extensions,
    } = peer.headers;
    expect({ origin, connection, protocol, extensions }).toEqual({ connection: 'Upgrade' });
  });
});

describe('the hello (firmware C5)', () => {
  it('is written as the firmware writes it, byte for byte', async () => {
    const { peer } = await meet();
    expect(peer.texts).toEqual([
      '{"type":"hello","version":1,"features":{"mcp":true,"glyph_push":false},"transport":"websocket","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}',
    ]);
  });

  it('names binary version 2 to a chat server behind the MQTT gateway', async () => {
    const { peer } = await meet({}, '?from=mqtt_gateway');
    expect([JSON.parse(peer.texts[0] ?? '').version, peer.headers['protocol-version'], peer.url]).toEqual([
      2,
      '2',
      '/xiaozhi/v1/?from=mqtt_gateway',
    ]);
  });

  it('numbers its packets behind the gateway, with type and length', async () => {
    const { transport, peer } = await meet({}, '?from=mqtt_gateway');
    for (const timestampMs of [60, 120]) transport.sendAudio(Uint8Array.of(0xf8, 0xff, 0xfe), timestampMs);
    await vi.waitFor(() => expect(peer.frames).toHaveLength(2));
    expect(peer.frames.map((frame) => Buffer.from(frame).toString('hex'))).toEqual([
      '01000003000000000000003c00000003f8fffe',
      '01000003000000010000007800000003f8fffe',
    ]);
  });

  it.each([
    ['another transport', { transport: 'udp' }, 'transport is "udp", not "websocket"'],
    ['no transport', {}, 'transport is missing'],
    ['a transport of the wrong type', { transport: 1 }, 'transport is no text'],
  ])('of a server with %s is told at once, with what is wrong', async (_, members, words) => {
    const { record, peer, clock } = await meet();
    peer.send({ type: 'hello', session_id: 's-1', ...members });
    peer.send({ type: 'llm' });
    await until(() => record.messages.length > 0);
    clock.advance(250);
    expect(record.events).toEqual(['message llm', 'end']);
    expect(record.ends[0]?.error).toMatchObject({ code: ErrorCode.transportRefused, retryable: false });
    expect(record.ends[0]?.description).toMatch(new RegExp(`said hello, but ${words}`, 'u'));
    await until(() => peer.ended !== undefined);
  });

  it('of a server that cannot be used may be followed by one that can', async () => {
    const { record, peer, clock } = await meet();
    peer.send({ type: 'hello' });
    peer.send(helloOf());
    await until(() => record.sessions.length === 1);
    clock.advance(60_000);
    expect(record.events).toEqual(['session']);
  });

  it('of a server that cannot be used is ignored in the middle of a conversation', async () => {
    const { record, peer } = await talk();
    peer.send({ type: 'hello' });
    peer.send({ type: 'llm' });
    await until(() => record.messages.length === 1);
    expect(record.events).toEqual(['session', 'problem', 'message llm']);
  });

  it.each([
    [2, 1],
    [3, 1],
    [3, 2],
  ])(
    'of a server of another binary version than %i is believed: %i is used, and told once',
    async (ours, theirs) => {
      const told = new Set<string>();
      for (const problems of [[ErrorCode.protocolFormatRefused], []]) {
        const { record, peer, transport } = await meet({ version: ours, told });
        peer.send({ ...helloOf(), version: theirs });
        await until(() => record.sessions.length === 1);
        transport.sendAudio(Uint8Array.of(0xf8, 1, 2), 7);
        await until(() => peer.frames.length === 1);
        expect(decodeBinaryFrame(theirs as 1 | 2, peer.frames[0] as Buffer)).toMatchObject({
          ok: true,
          packet: Buffer.of(0xf8, 1, 2),
        });
        peer.socket.send(encodeBinaryFrame(theirs as 1 | 2, Uint8Array.of(9), 0));
        await until(() => record.packets.length === 1);
        expect(record.problems).toEqual(problems);
      }
    },
  );

  it.each([
    [2, { version: 2 }],
    [2, {}],
    [2, { version: 0 }],
    [1, { version: 3 }],
  ])('of a server leaves version %i as it is with %j', async (ours, members) => {
    const { record, peer, transport } = await meet({ version: ours });
    peer.send({ ...helloOf(), ...members });
    await until(() => record.sessions.length === 1);
    transport.sendAudio(Uint8Array.of(0xf8, 1, 2), 7);
    await until(() => peer.frames.length === 1);
    expect([peer.frames[0]?.length, record.problems]).toEqual([ours === 2 ? 19 : 3, []]);
  });

  it('of version 1 means that long frames may not be heard, which is told', async () => {
    const uplink = { sampleRateHz: 16_000, frameDurationMs: 120 };
    const { record, peer } = await meet({ uplink });
    peer.send({ ...helloOf(), version: 1 });
    await until(() => record.sessions.length === 1);
    expect(record.problemTexts).toEqual([expect.stringContaining('Set audio.frameDurationMs to 60')]);
  });

  it('may be missing where the server speaks to a stranger: its words and its voice are passed on', async () => {
    const { record, peer, clock, transport } = await meet({ version: 3 });
    peer.send({ type: 'stt', text: '请登录控制面板，输入123456，绑定设备。', session_id: 'x' });
    peer.send({ type: 'tts', state: 'start' });
    peer.send({ type: 'tts', state: 'sentence_start', text: '请登录控制面板' });
    peer.socket.send(Uint8Array.of(0x58, 1, 2));
    peer.send({ type: 'tts', state: 'stop' });
    await until(() => record.messages.length === 4);
    expect(record.events).toEqual([
      'session',
      'problem',
      'message stt',
      'message tts',
      'message tts',
      'audio',
      'message tts',
    ]);
    expect([record.sessions[0]?.sessionId, record.packets]).toEqual(['x', [Buffer.of(0x58, 1, 2)]]);
    expect(record.problems).toEqual([ErrorCode.deviceNotBound]);
    expect(record.problemTexts[0]).toContain('输入123456');
    clock.advance(60_000);
    expect([record.ends, transport.sendText('{}')]).toEqual([[], true]);
  });

  it('of a server may lack or garble everything else', async () => {
    const { record, peer } = await meet();
    peer.send({ type: 'hello', transport: 'websocket' });
    peer.send({ type: 'hello', transport: 'websocket', session_id: 7, audio_params: 'loud', version: 0 });
    peer.send({
      type: 'hello',
      transport: 'websocket',
      session_id: 's',
      audio_params: { sample_rate: -1, frame_duration: '60' },
    });
    await until(() => record.sessions.length === 3);
    const usual = { sampleRateHz: 24_000, frameDurationMs: 60 };
    expect(record.sessions).toEqual([
      { sessionId: '', ...usual },
      { sessionId: '', ...usual },
      { sessionId: 's', ...usual },
    ]);
  });
});

describe('binary frames (firmware C10–C14)', () => {
  const wire = { 1: 'f8fffe', 2: '00020000000000000000006400000003f8fffe', 3: '00000003f8fffe' } as const;

  it.each([1, 2, 3] as const)('of version %i have the bytes of the firmware', async (version) => {
    const { transport, peer, record } = await talkIn(version);
    transport.sendAudio(Uint8Array.of(0xf8, 0xff, 0xfe), 100);
    await until(() => peer.frames.length === 1);
    expect(peer.frames[0]?.toString('hex')).toBe(wire[version]);
    peer.socket.send(Buffer.from(wire[version], 'hex'));
    await until(() => record.packets.length === 1);
    expect(Buffer.from(record.packets[0] ?? []).toString('hex')).toBe('f8fffe');
  });

  const talkIn = async (version: number) => {
    const met = await meet({ version });
    met.peer.send(helloOf());
    return met;
  };

  it.each([
    [1, ''],
    [2, ''],
    [2, '0002'],
    [2, '00020001000000000000006400000003f8fffe'],
    [2, '000200000000000000000064fffffffff8fffe'],
    [2, '00020000000000000000006400000000'],
    [3, '000000'],
    [3, '01000003f8fffe'],
    [3, '00000004f8fffe'],
    [3, '00000002f8fffe'],
  ])('of version %i that are broken (%s) are dropped with a report', async (version, hex) => {
    const { peer, record } = await talkIn(version);
    peer.socket.send(Buffer.from(hex, 'hex'));
    peer.send({ type: 'llm' });
    await until(() => record.messages.length === 1);
    expect([record.packets, record.problems]).toEqual([[], [ErrorCode.protocolBadFrame]]);
  });
});

describe('liveness (firmware C20, C30–C31)', () => {
  it('answers the pings of a server', async () => {
    const { peer } = await talk();
    let pong = '';
    peer.socket.on('pong', (data) => {
      pong = data.toString();
    });
    peer.socket.ping('are you there');
    await until(() => pong !== '');
    expect(pong).toBe('are you there');
  });

  it('pings, and goes on while the server answers', async () => {
    const { peer, clock, record } = await talk({ pingIntervalMs: 30_000 });
    let pings = 0;
    peer.socket.on('ping', () => {
      pings += 1;
    });
    for (let round = 1; round <= 3; round++) {
      clock.advance(30_000);
      await until(() => pings === round);
      // The pong is on its way; a message behind it tells when it is there.
      peer.send({ type: 'llm' });
      await until(() => record.messages.length === round);
    }
    expect(record.ends).toEqual([]);
  });

  it('notices a server that answers no ping', async () => {
    const { peer, clock, record } = await talk({ pingIntervalMs: 30_000 });
    peer.connection.pause();
    clock.advance(59_999);
    expect(record.ends).toEqual([]);
    clock.advance(1);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: ErrorCode.transportClosed, retryable: true } },
    ]);
    expect(record.ends[0]?.description).toContain('the connection was lost');
  });

  it('asks for a sign of life when something is said on a quiet connection, and gives it up without one', async () => {
    const { peer, clock, record, transport } = await talk({ pingIntervalMs: 1_000_000 });
    clock.advance(60_000);
    let pings = 0;
    peer.socket.on('ping', () => {
      pings += 1;
    });
    transport.sendText('{"type":"listen"}');
    await until(() => pings === 1);
    for (let ticks = 0; ticks < 20; ticks++) await nextTick();
    clock.advance(5_000);
    expect(record.ends).toEqual([]);
    clock.advance(60_000);
    peer.connection.pause();
    transport.sendText('{"type":"listen"}');
    clock.advance(4_999);
    expect(record.ends).toEqual([]);
    clock.advance(1);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: ErrorCode.transportClosed, retryable: true } },
    ]);
    expect(record.ends[0]?.description).toContain('is dead');
  });

  it('asks later when the connection was alive a moment ago, and not at all when the server speaks', async () => {
    const { peer, clock, record, transport } = await talk({ pingIntervalMs: 1_000_000 });
    peer.connection.pause();
    for (let second = 0; second < 14; second++) {
      transport.sendAudio(Uint8Array.of(1), 0);
      clock.advance(1_000);
      expect(record.ends).toEqual([]);
    }
    clock.advance(1_000);
    expect(record.ends).toHaveLength(1);
    const speaking = await talk({ pingIntervalMs: 1_000_000 });
    let pings = 0;
    speaking.peer.socket.on('ping', () => {
      pings += 1;
    });
    for (let second = 1; second <= 30; second++) {
      speaking.transport.sendAudio(Uint8Array.of(1), 0);
      speaking.peer.send({ type: 'llm' });
      await until(() => speaking.record.messages.length === second);
      speaking.clock.advance(1_000);
    }
    expect([pings, speaking.record.ends]).toEqual([0, []]);
  });

  it('does not take pings of a server for signs of a conversation', async () => {
    const { peer, clock, record } = await talk({ idleTimeoutMs: 150_000 });
    clock.advance(149_000);
    peer.socket.ping();
    await once(peer.socket, 'pong');
    clock.advance(1_000);
    expect(record.ends[0]?.error?.message).toBe(
      `The server 127.0.0.1:${new URL(`http://${peer.headers.host}`).port} has said nothing for 150 s; the conversation was ended.`,
    );
  });
});

describe('a refusal', () => {
  it('by text, as real servers do it, is told in the server’s own words', async () => {
    const { peer, record } = await meet();
    peer.send('认证失败');
    peer.socket.close(1000);
    await until(() => record.ends.length > 0);
    expect(record.events).toEqual(['end']);
    expect(record.ends[0]).toMatchObject({
      normal: false,
      error: { code: ErrorCode.transportRefused, retryable: false },
    });
    expect(record.ends[0]?.description).toMatch(
      /^The server refused this device: 认证失败 \(127\.0\.0\.1:\d+\)\. Check server\.token/u,
    );
  });

  it('by an error message is told at once, in the server’s own words', async () => {
    const { peer, record } = await meet();
    peer.send({ type: 'error', message: 'quota exceeded, top up your account' });
    await until(() => record.ends.length > 0);
    expect(record.events).toEqual(['end']);
    expect(record.ends[0]?.error).toMatchObject({ code: ErrorCode.transportRefused, retryable: true });
    expect(record.ends[0]?.description).toMatch(
      /^The server 127\.0\.0\.1:\d+ cannot begin a conversation now; it said: quota exceeded, top up your account\.$/u,
    );
  });

  it('by an error message in the middle of a conversation is for the device', async () => {
    const { peer, record } = await talk();
    peer.send({ type: 'error', message: 'quota exceeded' });
    await until(() => record.messages.length === 1);
    expect(record.ends).toEqual([]);
  });

  it('by text may not steer the terminal', async () => {
    const { peer, record } = await meet();
    peer.send('\u001b[2J\u001b]0;owned\u0007no\nway');
    peer.socket.close(1000);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.description).toContain('refused this device: no way (');
  });

  it.each([1000, 1008, 4001])(
    'in plain words in the middle of a conversation reaches the person (%i)',
    async (code) => {
      const { peer, record } = await talk();
      peer.send('Unauthorized');
      peer.socket.close(code);
      await until(() => record.ends.length > 0);
      expect(record.events.slice(-2)).toEqual(['problem', 'end']);
      expect(record.problems).toEqual([ErrorCode.serverError]);
      expect(record.problemTexts[0]).toContain('said “Unauthorized” and hung up.');
    },
  );

  it('is what comes before the end; other texts that are no messages are told of as such', async () => {
    const { peer, record, clock } = await talk();
    const timers = clock.pendingTimers;
    peer.send('ping');
    peer.send({ type: 'llm', emotion: 'happy' });
    await until(() => record.messages.length === 1);
    expect(record.problemTexts).toEqual([expect.stringContaining('it is not JSON (“ping”)')]);
    peer.send('pong');
    await until(() => clock.pendingTimers > timers);
    clock.advance(1000);
    expect(record.problems).toEqual([ErrorCode.protocolBadMessage, ErrorCode.protocolBadMessage]);
    peer.socket.close(1000);
    await until(() => record.ends.length > 0);
    expect(record.problems).toHaveLength(2);
  });

  it.each([
    [1000, '', /it hung up without a hello/],
    [1008, 'token解密失败', /The server refused this device: token解密失败/],
    [1000, '新连接替换', /新连接替换/],
  ])('by close code %i "%s" before the hello is a refusal', async (code, reason, words) => {
    const { peer, record } = await meet();
    peer.socket.close(code, reason);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]).toMatchObject({ normal: false, error: { code: ErrorCode.transportRefused } });
    expect(record.ends[0]?.description).toMatch(words);
  });

  it.each([
    [
      '401 Unauthorized',
      ErrorCode.transportRefused,
      false,
      /refused this device \(HTTP 401\)\. Check server\.token/,
    ],
    ['403 Forbidden', ErrorCode.transportRefused, false, /HTTP 403/],
    [
      '404 Not Found',
      ErrorCode.transportRefused,
      false,
      /There is no 小智 server at this address .* Check the path/,
    ],
    ['200 OK', ErrorCode.transportRefused, false, /There is no 小智 server/],
    [
      '302 Found\r\nLocation: ws://127.0.0.1:1/',
      ErrorCode.transportRefused,
      false,
      /redirect to ws:\/\/127\.0\.0\.1:1\/, which devices do not follow/,
    ],
    ['500 Oops', ErrorCode.transportUnreachable, true, /is in trouble \(HTTP 500\)\. Try again later/],
    ['503 Busy', ErrorCode.transportUnreachable, true, /HTTP 503/],
  ])('by HTTP %s on upgrade says so', async (status, code, retryable, words) => {
    const server = await serve({ refuse: `HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n` });
    const { record } = open(server.url, { token: 'very-secret' });
    await until(() => record.ends.length > 0);
    expect(record.events).toEqual(['end']);
    expect(record.ends[0]).toMatchObject({ normal: false, error: { code, retryable } });
    expect(record.ends[0]?.description).toMatch(words);
    expect(record.ends[0]?.description).not.toContain('very-secret');
  });

  it.each([
    ['401 Unauthorized', '{"msg":"token expired"}', ErrorCode.transportRefused, /It said: token expired\./],
    ['400 Bad Request', 'missing Device-Id', ErrorCode.transportRefused, /It said: missing Device-Id\./],
    [
      '301 Moved\r\nLocation: https://new.example/v1/?t=very-secret',
      '',
      ErrorCode.transportRefused,
      /redirect to wss:\/\/new\.example\/v1\/, .* set server\.websocketUrl to it/,
    ],
    [
      '302 Found\r\nLocation: /v2/',
      '',
      ErrorCode.transportRefused,
      /redirect to ws:\/\/127\.0\.0\.1:\d+\/v2\//,
    ],
    [
      '302 Found\r\nLocation: http://login.example/',
      '',
      ErrorCode.transportUnreachable,
      /this network asks you to log in/,
    ],
    [
      '511 Network Authentication Required',
      '<html>',
      ErrorCode.transportUnreachable,
      /this network asks you to log in/,
    ],
    ['200 OK', '<!DOCTYPE html><html>', ErrorCode.transportUnreachable, /this network asks you to log in/],
    ['200 OK', 'Server is running\n', ErrorCode.transportRefused, /It said: Server is running\./],
  ])('by HTTP %s with “%s” is told with what it says', async (head, body, code, words) => {
    const server = await serve({
      refuse: `HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    });
    const { record } = open(server.url);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]?.error?.code).toBe(code);
    expect(record.ends[0]?.description).toMatch(words);
    expect(record.ends[0]?.description).not.toContain('very-secret');
  });
});

it('lets go of a server that refuses by HTTP and keeps the connection', async () => {
  const connections: Socket[] = [];
  const keeping = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n'));
  }).listen(0, '127.0.0.1');
  await once(keeping, 'listening');
  closers.push(async () => void keeping.close());
  const { record, clock } = open(`ws://127.0.0.1:${(keeping.address() as AddressInfo).port}/`);
  await until(() => clock.pendingTimers > 0);
  clock.advance(500);
  await until(() => record.ends.length > 0);
  await until(() => connections[0]?.closed === true);
});

describe('the end of a conversation', () => {
  it.each([
    [1000, '', true, /the server hung up \(close code 1000\)/],
    [1005, '', true, /the server hung up/],
    [1001, 'restart', false, /broke off: close code 1001, "restart"/],
    [1009, '', false, /close code 1009/],
    [1011, 'keepalive ping timeout', false, /close code 1011, "keepalive ping timeout"/],
  ])('with close code %i "%s" is told with what the server said', async (code, reason, normal, words) => {
    const { peer, record } = await talk();
    if (code === 1005) peer.socket.close();
    else peer.socket.close(code, reason);
    await until(() => record.ends.length > 0);
    expect(record.ends[0]).toMatchObject({ normal });
    if (!normal)
      expect(record.ends[0]?.error).toMatchObject({ code: ErrorCode.transportClosed, retryable: true });
    expect(record.ends[0]?.description).toMatch(words);
  });

  it('without a close frame is a lost connection', async () => {
    const { peer, record } = await talk();
    peer.connection.destroy();
    await until(() => record.ends.length > 0);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: ErrorCode.transportClosed, retryable: true } },
    ]);
    expect(record.ends[0]?.description).toMatch(/broke off: the connection was lost\. If this goes on/);
  });

  it('of ours is a clean close frame', async () => {
    const { peer, transport } = await talk();
    await transport.close();
    await until(() => peer.ended !== undefined);
    expect(peer.ended).toEqual({ code: 1000, reason: '' });
  });

  it('of ours cuts a server that does not answer it', async () => {
    const { peer, transport, clock } = await talk();
    peer.connection.pause();
    let closed = false;
    void transport.close().then(() => {
      closed = true;
    });
    clock.advance(999);
    expect(closed).toBe(false);
    clock.advance(1);
    await until(() => closed);
  });
});

describe('messages that are too much', () => {
  it('of ours, for a server that reads none, end the conversation before they fill the memory', async () => {
    const { peer, record, transport } = await talk();
    peer.connection.pause();
    const text = 'x'.repeat(64_000);
    let taken = 0;
    while (taken < 1_000 && transport.sendText(text)) taken += 1;
    expect(taken).toBeLessThan(100);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: ErrorCode.transportSendFailed, retryable: true } },
    ]);
  });

  it('of 1 MB are taken', async () => {
    const { peer, record } = await talk();
    const text = 'x'.repeat(1_000_000);
    peer.send({ type: 'stt', text });
    await until(() => record.messages.length === 1);
    expect(record.messages).toEqual([{ type: 'stt', text }]);
  });

  it('of 2 MB are refused unread, and the conversation goes on', async () => {
    const { peer, record } = await talk();
    peer.send({ type: 'stt', text: 'x'.repeat(2_000_000) });
    peer.send({ type: 'llm' });
    await until(() => record.messages.length === 1);
    expect([record.messages, record.problems]).toEqual([[{ type: 'llm' }], [ErrorCode.protocolBadMessage]]);
  });

  it('of 5 MB end the conversation with close code 1009, once', async () => {
    const { peer, record } = await talk();
    peer.send({ type: 'stt', text: 'x'.repeat(5_000_000) });
    await until(() => peer.ended !== undefined);
    expect(peer.ended?.code).toBe(1009);
    expect(record.ends).toMatchObject([{ normal: false, error: { code: ErrorCode.transportClosed } }]);
    expect(record.ends[0]?.description).toContain('larger than');
  });

  it('in depth are only data', async () => {
    const { peer, record } = await talk();
    const depth = 200_000;
    peer.send(`{"type":"mcp","payload":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    peer.send({ type: 'llm' });
    await until(() => record.messages.length + record.problems.length === 2);
    expect(record.events.at(-1)).toBe('message llm');
    expect(record.ends).toEqual([]);
  });

  it('in fragments are put together', async () => {
    const { peer, record } = await talk();
    for (const [part, fin] of [
      ['{"type":', false],
      ['"stt","te', false],
      ['xt":"hi"}', true],
    ] as const)
      peer.socket.send(part, { fin });
    for (const [part, fin] of [
      [[0xf8], false],
      [[0xff, 0xfe], true],
    ] as const)
      peer.socket.send(Buffer.from(part), { fin });
    await until(() => record.packets.length === 1);
    expect([record.messages, [...(record.packets[0] ?? [])]]).toEqual([
      [{ type: 'stt', text: 'hi' }],
      [0xf8, 0xff, 0xfe],
    ]);
  });

  it('that are not UTF-8 end the conversation, once', async () => {
    const { peer, record } = await talk();
    peer.socket.send(Buffer.from([0xff, 0xfe, 0xfd]), { binary: false });
    await until(() => peer.ended !== undefined);
    expect(peer.ended?.code).toBe(1007);
    expect(record.ends).toMatchObject([{ normal: false, error: { code: ErrorCode.transportClosed } }]);
  });
});

describe('a server that cannot be reached', () => {
  it.each([
    [
      'ws://127.0.0.1:1/',
      /^Cannot connect to 127\.0\.0\.1:1: nothing is listening there\. Check that the server runs/,
    ],
    [
      'ws://no-such-host.invalid/',
      /^Cannot connect to no-such-host\.invalid: the name (is not known|could not be looked up)/,
    ],
  ])('at %s is named', async (url, words) => {
    const { record } = open(url, { token: 'very-secret' });
    await until(() => record.ends.length > 0);
    expect(record.ends).toMatchObject([
      { normal: false, error: { code: ErrorCode.transportUnreachable, retryable: true } },
    ]);
    expect(record.ends[0]?.description).toMatch(words);
  });

  it.each(['', 'nonsense', 'ftp://host/', 'ws://host:99999/', 'ws://host/#part'])(
    'because "%s" is no address says what an address is',
    async (url) => {
      const { record } = open(url);
      expect(record.events).toEqual([]);
      await until(() => record.ends.length > 0);
      expect(record.ends[0]?.description).toMatch(/not a WebSocket URL.*ws:\/\/ or wss:\/\//);
    },
  );

  it('because its token is no header text does not break the device', async () => {
    const server = await serve();
    const { record } = open(server.url, { token: 'se\ncret' });
    await until(() => record.ends.length > 0);
    expect(record.ends[0]).toMatchObject({ normal: false, error: { code: ErrorCode.transportRefused } });
    expect(record.ends[0]?.description).toBe(
      'The token for the chat server has characters that no HTTP header may have. Check server.token or what the OTA server answers.',
    );
  });

  it('because it accepts and stays silent is given up', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    closers.push(async () => void mute.close());
    const { record } = open(`ws://127.0.0.1:${(mute.address() as AddressInfo).port}/`, {
      handshakeTimeoutMs: 50,
    });
    await until(() => record.ends.length > 0);
    expect(record.ends[0]).toMatchObject({
      normal: false,
      error: { code: ErrorCode.transportUnreachable, retryable: true },
    });
  });
});

describe('a server whose stream is cut or garbled', () => {
  it('anywhere ends the channel exactly once, and nothing else happens', async () => {
    const recorded = await recordServerStream();
    const replay = await startReplay();
    await fc.assert(
      fc.asyncProperty(fc.nat(recorded.length), fc.boolean(), async (length, abruptly) => {
        const record = await replay(recorded.subarray(0, length), abruptly);
        expect(record.events.filter((event) => event === 'end')).toHaveLength(1);
        expect(record.events.at(-1)).toBe('end');
        expect(record.packets.length).toBeLessThanOrEqual(3);
      }),
      { numRuns: 60 },
    );
  });

  it('by any other byte does, too', async () => {
    const recorded = await recordServerStream();
    const headerEnd = recorded.indexOf('\r\n\r\n') + 4;
    const replay = await startReplay();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: headerEnd, max: recorded.length - 1 }),
        fc.nat(255),
        async (at, byte) => {
          const garbled = Buffer.from(recorded);
          garbled[at] = byte;
          const record = await replay(garbled, false);
          expect(record.events.filter((event) => event === 'end')).toHaveLength(1);
          expect(record.events.at(-1)).toBe('end');
        },
      ),
      { numRuns: 60 },
    );
  });

  const acceptPlaceholder = 'ACCEPT-KEY-IS-PUT-HERE-----=';

  /** What a server sends in a short conversation, with a placeholder for the key that each handshake has anew. */
  async function recordServerStream(): Promise<Buffer> {
    const server = await serve();
    const chunks: Buffer[] = [];
    const { record } = open(server.url);
    await until(() => server.peers[0]?.texts.length === 1);
    const peer = server.peers[0] as Peer;
    const write = peer.connection.write.bind(peer.connection) as (chunk: Buffer | string) => boolean;
    peer.connection.write = ((chunk: Buffer | string, ...rest: unknown[]) => {
      chunks.push(Buffer.from(chunk));
      return (write as (...args: unknown[]) => boolean)(chunk, ...rest);
    }) as typeof peer.connection.write;
    peer.send(helloOf());
    peer.send({ type: 'tts', state: 'start' });
    for (let frame = 0; frame < 3; frame++) peer.socket.send(Buffer.from([0xf8, 0xff, 0xfe]));
    peer.send({ type: 'tts', state: 'stop' });
    peer.socket.close(1000, 'bye');
    await until(() => record.ends.length > 0);
    const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptPlaceholder}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), ...chunks]);
  }

  /** A TCP server that sends given bytes and hangs up. */
  async function startReplay() {
    const { createHash } = await import('node:crypto');
    let bytes = Buffer.alloc(0);
    let abrupt = false;
    const serveOne = (socket: Socket) => {
      socket.on('error', () => {});
      socket.once('data', (request) => {
        const key = /sec-websocket-key: (\S+)/i.exec(request.toString())?.[1] ?? '';
        const accept = createHash('sha1')
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest('base64');
        const answer = Buffer.from(bytes);
        const at = answer.indexOf(acceptPlaceholder.slice(0, 4));
        if (at >= 0) answer.write(accept.slice(0, answer.length - at), at);
        if (!abrupt) socket.end(answer);
        else if (answer.length === 0) socket.destroy();
        else socket.write(answer, () => socket.destroy());
      });
    };
    const server = createServer(serveOne).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    return async (answer: Uint8Array, abruptly: boolean) => {
      bytes = Buffer.from(answer);
      abrupt = abruptly;
      const transport: SessionTransport = webSocketTransport(`ws://127.0.0.1:${port}/`, new FakeClock());
      const record = openRecorded(transport);
      await until(() => record.ends.length > 0);
      await transport.close();
      return record;
    };
  }
});
