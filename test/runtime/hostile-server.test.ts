import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/core/errors.ts';
import { answerPackets, DeviceHarness } from '../support/device-harness.ts';

/** The device still does what it is for: one more turn, from the first word to the end of the answer. */
async function expectWorkingTurn(harness: DeviceHarness): Promise<void> {
  if (harness.status === 'idle') harness.device.send({ type: 'talk.toggled' });
  if (harness.status === 'connecting') await harness.greet('again');
  // Whatever the server had begun to say has ended or is given up by then.
  await harness.pass(45_000);
  if (harness.status === 'idle') {
    harness.device.send({ type: 'talk.toggled' });
    await harness.greet('again');
  }
  expect(harness.status).toBe('listening');
  const sentBefore = harness.device.counters.uplink.sent;
  await harness.pass(600);
  expect(harness.device.counters.uplink.sent - sentBefore).toBe(10);
  const heardBefore = harness.loudspeaker.heardMs();
  harness.say({ type: 'stt', text: 'hi' });
  await harness.answer(600);
  expect(harness.loudspeaker.heardMs() - heardBefore).toBe(600);
  expect(harness.status).toBe('listening');
}

const noise = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, seed * 2_654_435_761 + 12_345) >>> 24);

describe('frames', () => {
  it('of pure noise, ten thousand of them, hurt nothing: the next turn works', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    for (let i = 0; i < 10_000; i++) {
      harness.far.sendAudioDown(noise(i % 1_500, i));
      if (i % 100 === 0) await harness.pass(60);
    }
    expect(harness.errors.length).toBeLessThanOrEqual(10);
    expect(new Set(harness.errors)).toEqual(new Set([ErrorCode.opusBadPacket]));
    await harness.pass(120_000);
    harness.tts('stop');
    await harness.pass(60);
    const { received, decoded, dropped } = harness.device.counters.downlink;
    expect([received, decoded + dropped]).toEqual([10_000, 10_000]);
    await expectWorkingTurn(harness);
  });

  it('in states that expect none are dropped and counted', async () => {
    const harness = await DeviceHarness.listening();
    const packet = answerPackets(60)[0] as Uint8Array;
    for (let i = 0; i < 1_000; i++) {
      harness.far.sendAudioDown(packet);
      if (i % 10 === 0) await harness.pass(60);
    }
    await harness.pass(600);
    expect(harness.device.counters.downlink).toMatchObject({ received: 1_000, decoded: 0 });
    await expectWorkingTurn(harness);
  });

  it('faster than they can be played are kept for a minute of speech, and no longer', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    for (const packet of answerPackets(90_000)) harness.far.sendAudioDown(packet);
    // One is being played.
    expect(harness.device.counters.downlink.dropped).toBe(1_500 - 1_000 - 1);
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(60);
    harness.tts('stop');
    await expectWorkingTurn(harness);
  });

  it.each([2.5, 5, 10, 20, 40, 120])(
    'of %s ms, whatever hello promised, are played in full',
    async (frameDurationMs) => {
      const harness = await DeviceHarness.listening();
      harness.tts('start');
      harness.sendAudio(dtxPackets(frameDurationMs, 600));
      harness.tts('stop');
      await harness.pass(900);
      expect([harness.loudspeaker.heardMs(), harness.status]).toEqual([600, 'listening']);
    },
  );
});

/** Silence as packets of one byte: the TOC alone tells the duration (RFC 6716 section 3.1). */
function dtxPackets(frameDurationMs: number, totalMs: number): Uint8Array[] {
  const celtConfig = { 2.5: 28, 5: 29, 10: 30, 20: 31 }[frameDurationMs];
  const count = Math.round(totalMs / frameDurationMs);
  // SILK wideband 40 and 60 ms are 10 and 11; 120 ms is two frames of 60 ms of equal size (code 1).
  const toc = celtConfig !== undefined ? celtConfig << 3 : frameDurationMs === 40 ? 10 << 3 : (11 << 3) | 1;
  return Array.from({ length: count }, () => Uint8Array.of(toc));
}

describe('messages', () => {
  it('that cannot be used are reported once a second for each kind, and change nothing', async () => {
    const harness = await DeviceHarness.listening();
    for (let i = 0; i < 1_000; i++) {
      harness.far.send({ type: 'glow', commands: [] });
      harness.far.send('认证失败');
      harness.far.send({ type: 'tts', state: 7 });
      harness.far.send({ no: 'type' });
    }
    expect(harness.errors.toSorted()).toEqual([
      ErrorCode.protocolBadMessage,
      ErrorCode.protocolBadMessage,
      ErrorCode.protocolBadMessage,
      ErrorCode.protocolUnknownType,
    ]);
    await harness.pass(1_020);
    harness.far.send({ type: 'glow' });
    expect(harness.errors).toHaveLength(5);
    expect(harness.status).toBe('listening');
    await expectWorkingTurn(harness);
  });

  it('that are nothing to a device change nothing in any state, and are no error', async () => {
    const harness = await DeviceHarness.idle();
    const chatter = [
      ...['iot', 'server', 'pong', 'abort', 'custom', 'notify', 'call_accepted', 'listen'].map((type) => ({
        type,
      })),
      { type: 'stt' },
      { type: 'stt', text: '' },
      { type: 'llm', text: 'no emotion' },
    ];
    const chat = () => {
      const before = harness.status;
      for (const message of chatter) harness.far.send(message);
      expect(harness.status).toBe(before);
    };
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    chat();
    await harness.greet();
    chat();
    harness.far.send({ type: 'stt', text: 'hello' });
    chat();
    harness.tts('start');
    chat();
    harness.sendAudio(answerPackets(300));
    harness.tts('stop');
    chat();
    await harness.pass(540);
    expect([harness.status, harness.errors]).toEqual(['listening', []]);
    expect(harness.eventsOf('stt').map(({ text }) => text)).toEqual(['hello']);
  });

  it('of complaint reach the person in their own words', async () => {
    const harness = await DeviceHarness.listening();
    harness.far.send({ type: 'error', message: 'quota exceeded, top up your account' });
    expect(harness.eventsOf('error')).toMatchObject([
      { code: 'SERVER_ERROR', message: expect.stringContaining('“quota exceeded, top up your account”') },
    ]);
    await expectWorkingTurn(harness);
  });

  it('of ever new types are not reported without end', async () => {
    const harness = await DeviceHarness.listening();
    for (let i = 0; i < 10_000; i++) harness.far.send({ type: `type-${i}` });
    expect(harness.errors).toEqual(Array(5).fill(ErrorCode.protocolUnknownType));
    await harness.pass(1_020);
    harness.far.fail();
    expect(harness.errors.at(-1)).toBe(ErrorCode.transportClosed);
  });

  it('in depth are only data', async () => {
    const harness = await DeviceHarness.listening();
    const depth = 100_000;
    harness.far.send(`{"type":"mcp","payload":{"a":${'['.repeat(depth)}${']'.repeat(depth)}}}`);
    harness.far.send(`{"type":"stt","text":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`);
    await expectWorkingTurn(harness);
  });

  it('of a second hello change the session and nothing else', async () => {
    const harness = await DeviceHarness.listening();
    harness.far.sayHello('S2');
    await harness.pass(60);
    expect(harness.status).toBe('listening');
    harness.tts('start');
    harness.device.send({ type: 'talk.toggled' });
    expect(harness.trace.at(-1)).toBe('> {"session_id":"S2","type":"listen","state":"start","mode":"auto"}');
  });
});

const anyMessage = fc.oneof(
  fc.record(
    {
      type: fc.constant('tts'),
      state: fc.constantFrom('start', 'stop', 'sentence_start', 'x', 1),
      text: fc.anything(),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    { type: fc.constantFrom('stt', 'llm'), text: fc.oneof(fc.string(), fc.anything()), emotion: fc.string() },
    { requiredKeys: ['type'] },
  ),
  fc.record({
    type: fc.constant('alert'),
    status: fc.string(),
    message: fc.string(),
    emotion: fc.anything(),
  }),
  fc.record(
    {
      type: fc.constant('hello'),
      transport: fc.constantFrom('websocket', 'udp', 3),
      session_id: fc.anything(),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({
    type: fc.constantFrom('mcp', 'goodbye', 'system', 'iot', '__proto__'),
    payload: fc.anything(),
    command: fc.string(),
  }),
  fc.dictionary(fc.string(), fc.anything()),
);

const anyStep = fc.oneof(
  {
    weight: 5,
    arbitrary: anyMessage.map((message) => ({ kind: 'message', text: stringify(message) }) as const),
  },
  { weight: 1, arbitrary: fc.string().map((text) => ({ kind: 'message', text }) as const) },
  {
    weight: 3,
    arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => ({ kind: 'audio', bytes }) as const),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'speech' } as const) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 3_000 }).map((ms) => ({ kind: 'time', ms }) as const) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('talk.toggled', 'talk.pressed', 'talk.released')
      .map((type) => ({ kind: 'user', type }) as const),
  },
  { weight: 1, arbitrary: fc.constantFrom('hello', 'hang-up', 'fail').map((kind) => ({ kind }) as const) },
);

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? `${member}` : member)) ?? '';
  } catch {
    return '{"circular":true}';
  }
}

type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;

async function take(harness: DeviceHarness, step: Step): Promise<void> {
  switch (step.kind) {
    case 'message':
      harness.far.send(step.text);
      break;
    case 'audio':
      harness.far.sendAudioDown(step.bytes);
      break;
    case 'speech':
      for (const packet of speech) harness.far.sendAudioDown(packet);
      break;
    case 'time':
      await harness.pass(step.ms);
      break;
    case 'user':
      harness.device.send({ type: step.type as 'talk.toggled' });
      break;
    case 'hello':
      await harness.greet();
      break;
    case 'hang-up':
      harness.far.hangUp();
      break;
    case 'fail':
      harness.far.fail();
      break;
  }
}

const speech = answerPackets(300);

describe('any server at all', { timeout: 120_000 }, () => {
  it.each(['auto', 'manual', 'realtime'] as const)('leaves a device in %s mode working', async (mode) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
        const harness = await DeviceHarness.listening({ mode });
        for (const step of steps) {
          await take(harness, step);
          // A restart is a server's right and ends this device.
          if (harness.status === 'starting') return;
        }
        await expectToTalkAgain(harness);
        await harness.device.stop();
        expect(harness.clock.pendingTimers).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});

/** From whatever state, the person gets an answer with nothing but the talk key. */
async function expectToTalkAgain(harness: DeviceHarness): Promise<void> {
  harness.loudspeaker.missing = false;
  for (let i = 0; i < 8; i++) {
    if (harness.far.connected) harness.far.sayHello();
    await harness.pass(15_000);
    if (harness.status === 'idle' || harness.status === 'listening') break;
  }
  if (harness.status !== 'listening') harness.device.send({ type: 'talk.pressed' });
  await harness.pass(0);
  if (harness.status === 'connecting') await harness.greet();
  expect(harness.status).toBe('listening');
  const { sent } = harness.device.counters.uplink;
  await harness.pass(300);
  expect(harness.device.counters.uplink.sent - sent).toBe(5);
  const heardMs = harness.loudspeaker.heardMs();
  await harness.answer(300);
  expect(harness.loudspeaker.heardMs() - heardMs).toBe(300);
  expect(['idle', 'listening']).toContain(harness.status);
}
