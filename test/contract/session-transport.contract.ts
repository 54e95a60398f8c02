import { setImmediate as nextTick } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/core/errors.ts';
import type { ChannelEnd, SessionInfo, SessionTransport } from '../../src/ports/session-transport.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { until } from '../support/scripted-server.ts';

/** The server's side of one channel, whatever carries it. */
export interface FarEnd {
  /** Messages of the device in order, without its hello. */
  readonly texts: readonly string[];
  /** Opus packets of the device, unwrapped. */
  readonly packets: readonly Uint8Array[];
  /** The device has let go of the channel. */
  readonly left: boolean;
  /** Answers the device's hello. Without `audio_params` unless they are given. */
  sayHello(sessionId: string, audioParams?: object): void;
  sendText(text: string): void;
  sendAudio(packet: Uint8Array): void;
  /** Ends the conversation politely. */
  hangUp(): void;
  /** Takes no more bytes of the device, or takes them again. */
  stopReading(): void;
}

export interface TransportBench {
  readonly clock: FakeClock;
  /** `hello` and `idle` time limits are those of the options. */
  create(options: { readonly helloTimeoutMs: number; readonly idleTimeoutMs: number }): SessionTransport;
  /** Where nobody listens. */
  createUnreachable(): SessionTransport;
  /** The far end of the channel opened last, once the device's hello is there. */
  arrived(): Promise<FarEnd>;
  stop(): Promise<void>;
}

const limits = { helloTimeoutMs: 10_000, idleTimeoutMs: 150_000 };
const packetA = Uint8Array.of(0xf8, 0xff, 0xfe);
const packetB = Uint8Array.of(0x58, 1, 2, 3, 4, 5);

/** All that handlers were told, in order. */
export interface TransportRecord {
  readonly events: string[];
  readonly sessions: SessionInfo[];
  readonly messages: object[];
  readonly packets: Uint8Array[];
  readonly problems: string[];
  readonly problemTexts: string[];
  readonly ends: ChannelEnd[];
}

export function openRecorded(transport: SessionTransport): TransportRecord {
  const record: TransportRecord = {
    events: [],
    sessions: [],
    messages: [],
    packets: [],
    problems: [],
    problemTexts: [],
    ends: [],
  };
  transport.open({
    onSession: (info) => {
      record.events.push('session');
      record.sessions.push(info);
    },
    onMessage: (json) => {
      record.events.push(`message ${json.type}`);
      record.messages.push(json);
    },
    onAudio: (packet) => {
      record.events.push('audio');
      record.packets.push(packet.slice());
    },
    onProblem: (error) => {
      record.events.push('problem');
      record.problems.push(error.code);
      record.problemTexts.push(error.message);
    },
    onEnd: (end) => {
      record.events.push('end');
      record.ends.push(end);
    },
  });
  return record;
}

/** What the device relies on in every transport. Call it from a test file, once per transport. */
export function describeSessionTransport(name: string, startBench: () => Promise<TransportBench>): void {
  describe(`${name} as a session transport`, () => {
    let bench: TransportBench;
    const opened: SessionTransport[] = [];
    beforeEach(async () => {
      bench = await startBench();
    });
    afterEach(async () => {
      for (const transport of opened.splice(0)) void transport.close();
      await bench.stop();
    });

    function open(transport: SessionTransport = bench.create(limits)) {
      opened.push(transport);
      return { transport, record: openRecorded(transport) };
    }

    /** An open channel: both sides have said hello. */
    async function talk() {
      const { transport, record } = open();
      const far = await bench.arrived();
      far.sayHello('s-1');
      await until(() => record.sessions.length === 1);
      return { transport, record, far };
    }

    const someTicks = async () => {
      for (let i = 0; i < 20; i++) await nextTick();
    };

    it('is open when the server has said hello, and tells what the hello promises', async () => {
      const { record } = open();
      const far = await bench.arrived();
      expect(record.events).toEqual([]);
      far.sayHello('s-1', { sample_rate: 16_000, frame_duration: 20 });
      await until(() => record.sessions.length > 0);
      expect(record.sessions).toEqual([{ sessionId: 's-1', sampleRateHz: 16_000, frameDurationMs: 20 }]);
    });

    it('assumes 24 kHz and 60 ms when the hello promises nothing', async () => {
      const { record } = await talk();
      expect(record.sessions).toEqual([{ sessionId: 's-1', sampleRateHz: 24_000, frameDurationMs: 60 }]);
    });

    it('calls no handler within open', () => {
      const { record } = open();
      const { record: vain } = open(bench.createUnreachable());
      expect([record.events, vain.events]).toEqual([[], []]);
    });

    it('hands over every further hello with its new values', async () => {
      const { record, far } = await talk();
      far.sayHello('s-2', { sample_rate: 48_000, frame_duration: 40 });
      await until(() => record.sessions.length === 2);
      expect(record.sessions[1]).toEqual({ sessionId: 's-2', sampleRateHz: 48_000, frameDurationMs: 40 });
    });

    it('carries texts both ways in order, whatever is in them', async () => {
      const { transport, record, far } = await talk();
      const texts = ['{"type":"listen"}', '{"text":"你好 🙂\\u0000"}', `{"long":"${'好'.repeat(3_000)}"}`];
      expect(texts.map((text) => transport.sendText(text))).toEqual([true, true, true]);
      for (const text of texts) far.sendText(text);
      await until(() => far.texts.length === 3 && record.messages.length === 3);
      expect(far.texts).toEqual(texts);
      expect(record.messages).toEqual(texts.map((text) => JSON.parse(text)));
    });

    it('hands over messages that come before the hello', async () => {
      const { record } = open();
      const far = await bench.arrived();
      far.sendText('{"type":"mcp","payload":{}}');
      far.sayHello('s-1');
      await until(() => record.sessions.length > 0);
      expect(record.events).toEqual(['message mcp', 'session']);
    });

    it('keeps the order of what comes right behind the hello', async () => {
      const { record } = open();
      const far = await bench.arrived();
      far.sayHello('s-1');
      far.sendText('{"type":"tts"}');
      await until(() => record.events.length === 2);
      expect(record.events).toEqual(['session', 'message tts']);
    });

    it('carries packets both ways in order, byte for byte', async () => {
      const { transport, record, far } = await talk();
      expect([packetA, packetB].map((packet) => transport.sendAudio(packet, 60))).toEqual([true, true]);
      await until(() => far.packets.length === 2);
      far.sendAudio(packetB);
      far.sendAudio(packetA);
      await until(() => record.packets.length === 2);
      expect(far.packets.map((packet) => [...packet])).toEqual([[...packetA], [...packetB]]);
      expect(record.packets.map((packet) => [...packet])).toEqual([[...packetB], [...packetA]]);
    });

    it('reports a text that is no JSON object and goes on', async () => {
      const { record, far } = await talk();
      for (const text of ['认证失败', '[]', '42', '', '{"type":', '{"type":"stt"}']) far.sendText(text);
      await until(() => record.messages.length === 1);
      expect(record.problems).toEqual(Array(5).fill(ErrorCode.protocolBadMessage));
      expect(record.messages).toEqual([{ type: 'stt' }]);
    });

    it('ends once and normally when the server hangs up', async () => {
      const { transport, record, far } = await talk();
      far.hangUp();
      await until(() => record.ends.length > 0);
      await someTicks();
      expect(record.events).toEqual(['session', 'end']);
      expect(record.ends).toEqual([{ normal: true, description: expect.stringContaining('hung up') }]);
      expect([transport.sendText('{}'), transport.sendAudio(packetA, 0)]).toEqual([false, false]);
    });

    it('ends unreachable when nobody listens', async () => {
      const { record } = open(bench.createUnreachable());
      await until(() => record.ends.length > 0);
      expect(record.events).toEqual(['end']);
      expect(record.ends[0]).toMatchObject({
        normal: false,
        error: { code: ErrorCode.transportUnreachable, retryable: true },
      });
    });

    it('gives up on a server that never says hello, and lets go of it', async () => {
      const { record } = open();
      const far = await bench.arrived();
      bench.clock.advance(limits.helloTimeoutMs - 1);
      expect(record.events).toEqual([]);
      bench.clock.advance(1);
      expect(record.ends).toMatchObject([
        { normal: false, error: { code: ErrorCode.transportTimeout, retryable: true } },
      ]);
      await until(() => far.left);
    });

    it('ends when a server that has said hello says nothing for too long', async () => {
      const { record, far } = await talk();
      bench.clock.advance(limits.idleTimeoutMs - 1_000);
      far.sendText('{"type":"llm"}');
      await until(() => record.messages.length === 1);
      bench.clock.advance(limits.idleTimeoutMs - 1);
      expect(record.ends).toEqual([]);
      bench.clock.advance(1);
      expect(record.ends).toMatchObject([{ normal: false, error: { code: ErrorCode.transportIdle } }]);
      await until(() => far.left);
    });

    it('tells nobody anything after close, not even the end', async () => {
      const { transport, record, far } = await talk();
      const closed = transport.close();
      far.sendText('{"type":"stt"}');
      far.sendAudio(packetA);
      far.hangUp();
      await closed;
      await someTicks();
      expect(record.events).toEqual(['session']);
      expect([transport.sendText('{}'), transport.sendAudio(packetA, 0)]).toEqual([false, false]);
      await until(() => far.left);
    });

    it('may be closed any number of times', async () => {
      const { transport, record } = await talk();
      await Promise.all([transport.close(), transport.close()]);
      await transport.close();
      expect(record.events).toEqual(['session']);
    });

    it('may be closed before it is open, at every stage', async () => {
      await bench.create(limits).close();
      const { transport, record } = open();
      await transport.close();
      const later = open();
      const far = await bench.arrived();
      await later.transport.close();
      await until(() => far.left);
      expect([record.events, later.record.events]).toEqual([[], []]);
    });

    it('leaves no timer behind', async () => {
      const { transport } = await talk();
      await transport.close();
      const { record, far } = await talk();
      far.hangUp();
      await until(() => record.ends.length > 0);
      expect(bench.clock.pendingTimers).toBe(0);
    });

    it('keeps channels apart: what an old one still hears is nobody else’s', async () => {
      const old = await talk();
      const closed = old.transport.close();
      const fresh = await talk();
      old.far.sendText('{"type":"stt"}');
      old.far.hangUp();
      fresh.far.sendText('{"type":"llm"}');
      await until(() => fresh.record.messages.length === 1);
      await closed;
      expect([old.record.events, fresh.record.events]).toEqual([['session'], ['session', 'message llm']]);
    });

    it('drops audio, not texts, when the network takes nothing more', async () => {
      const { transport, far } = await talk();
      far.stopReading();
      const packet = new Uint8Array(1_200).fill(7);
      let dropped = false;
      for (let sent = 0; sent < 20_000 && !dropped; sent++) {
        dropped = !transport.sendAudio(packet, 0);
        if (sent % 100 === 0) await nextTick();
      }
      expect([dropped, transport.sendText('{"type":"abort"}')]).toEqual([true, true]);
    });
  });
}
