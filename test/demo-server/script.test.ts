import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { parseScript } from '../../src/demo-server/script.ts';
import { type DemoBench, decodeDownlink, startDemoBench } from '../support/demo-client.ts';

let bench: DemoBench;
afterEach(() => bench?.stop());

/** A server that plays these connections; audio files come from the fixtures. */
async function start(connections: object[], more: object = {}) {
  const script = parseScript(JSON.stringify({ connections, ...more }), 'test.json');
  bench = await startDemoBench({ script }, { loadWav: (path) => readWavFile(`test/fixtures/${path}`) });
}

const finished = (count = 1) => bench.until(() => bench.server.scriptResults.length === count);

describe('a script', () => {
  it('plays a turn: waits for messages and audio, sends messages and a file', async () => {
    await start([
      {
        steps: [
          { expect: { type: 'listen', state: 'start' } },
          { expectAudioFrames: 3 },
          { send: { type: 'tts', state: 'start', session_id: '$session' } },
          { audio: 'speech-short.wav', stopAfterFrames: 8 },
          { waitMs: 100 },
          { send: { type: 'tts', state: 'stop', session_id: '$session' } },
        ],
      },
    ]);
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'stop' });
    client.send({ type: 'listen', state: 'start', mode: 'auto' });
    client.sendFrames([1, 2, 3].map((byte) => Uint8Array.of(byte)));
    await finished();
    await bench.until(() => client.messages.length === 3);
    const sessionId = client.messages[0]?.session_id;
    expect(client.messages.slice(1)).toEqual([
      { type: 'tts', state: 'start', session_id: sessionId },
      { type: 'tts', state: 'stop', session_id: sessionId },
    ]);
    expect(decodeDownlink(client.frames).length).toBe(8 * 1440);
    expect(bench.server.scriptResults).toEqual([{ connection: 0, ok: true }]);
  });

  it('may hand a connection over to a conversation in the manner of a real server', async () => {
    await start([{ converse: { manner: 'python', thinkMs: 2_000 } }, {}], { repeatFrom: 0 });
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'detect', text: 'hello' });
    await bench.until(() => client.story().includes('tts start'));
    await bench.pass(1_500);
    expect(client.story()).toEqual(['hello', 'stt', 'tts start']);
    await bench.until(() => client.story().includes('tts stop'));
    const silent = await bench.greet();
    silent.send({ type: 'listen', state: 'detect', text: 'hello' });
    await bench.pass(3_000);
    expect(silent.story()).toEqual(['hello']);
  });

  it('sends audio at any rate and duration, all at once if wanted', async () => {
    await start([
      {
        steps: [
          {
            audio: 'speech-short.wav',
            sampleRateHz: 16_000,
            frameDurationMs: 20,
            paced: false,
            stopAfterFrames: 30,
          },
        ],
      },
    ]);
    const client = await bench.connect();
    await bench.until(() => client.frames.length > 0);
    const atMs = bench.clock.now();
    await bench.until(() => client.frames.length === 30);
    expect(bench.clock.now() - atMs).toBeLessThan(420);
    expect(decodeDownlink(client.frames).length).toBe(30 * 480);
  });

  it('says which step failed and why, and closes 1011', async () => {
    await start([
      {
        steps: [
          { waitMs: 10 },
          { expect: { type: 'listen', state: 'start', mode: 'manual' }, withinMs: 60_000 },
        ],
      },
      { steps: [{ expectAudioFrames: 1 }, { expectAudioFrames: 2, withinMs: 60_000 }] },
      { steps: [{ audio: 'missing.wav' }] },
      { steps: [{ expect: { type: 'abort' } }] },
    ]);
    const first = await bench.greet();
    first.send({ type: 'listen', state: 'start', mode: 'auto' });
    const second = await bench.greet();
    second.sendFrames([Uint8Array.of(1), Uint8Array.of(2)]);
    const third = await bench.connect();
    await finished(3);
    (await bench.greet()).socket.terminate();
    await finished(4);
    await bench.until(() => [first, second, third].every(({ ended }) => ended));
    expect([first.ended?.code, second.ended?.code, third.ended?.code]).toEqual([1011, 1011, 1011]);
    const byConnection = [...bench.server.scriptResults].sort((a, b) => a.connection - b.connection);
    expect(byConnection).toEqual([
      failure(0, 1, 'no {"type":"listen","state":"start","mode":"manual"} within 60000 ms'),
      failure(1, 1, '1 of 2 audio frames within 60000 ms'),
      failure(2, 0, expect.stringContaining('missing.wav')),
      failure(3, 0, 'the device left; no {"type":"abort"}'),
    ]);
  });

  it('can answer hello never, differently or twice', async () => {
    const custom = { type: 'hello', transport: 'udp', session_id: '$session' };
    await start([
      { hello: false },
      { hello: custom },
      { steps: [{ expect: { type: 'hello' } }, { send: custom }] },
    ]);
    const [never, other, twice] = [await bench.connect(), await bench.greet(), await bench.greet()];
    never.send({ type: 'hello' });
    await bench.pass(1000);
    expect(never.texts).toEqual([]);
    expect(other.messages).toEqual([{ type: 'hello', transport: 'udp', session_id: expect.any(String) }]);
    expect(twice.messages.map(({ transport }) => transport)).toEqual(['websocket', 'udp']);
  });

  it('can say what no server should', async () => {
    await start([
      {
        steps: [
          { sendText: 'not JSON' },
          { sendText: '[', times: 100_000 },
          { sendBinary: '' },
          { sendBinary: 'deadbeef', times: 2 },
          { sendRaw: '8105414243' },
          { terminate: true },
        ],
      },
    ]);
    const client = await bench.connect();
    await bench.until(() => client.ended !== undefined);
    expect(client.texts).toEqual(['not JSON', '['.repeat(100_000)]);
    expect(client.frames.map((frame) => Buffer.from(frame).toString('hex'))).toEqual([
      '',
      'deadbeefdeadbeef',
    ]);
    expect(client.ended?.code).toBe(1006);
    await finished();
    expect(bench.server.scriptResults).toEqual([{ connection: 0, ok: true }]);
  });

  it('can close with code and reason, refuse the upgrade, and accept without ever answering', async () => {
    await start([
      { steps: [{ close: { code: 4004, reason: 'Internal server error' } }] },
      { upgrade: 503 },
      { upgrade: false },
    ]);
    const closed = await bench.connect();
    await bench.until(() => closed.ended !== undefined);
    expect(closed.ended).toEqual({ code: 4004, reason: 'Internal server error' });
    const refused = await bench.connect();
    await bench.until(() => refused.ended !== undefined);
    expect(refused.ended?.code).toBe(1006);
    let answered = false;
    void bench.connect().then(() => {
      answered = true;
    });
    await bench.pass(5000);
    expect(answered).toBe(false);
  });

  it('is followed by conversations, or by itself from where it says', async () => {
    await start([{ hello: { type: 'hello', n: 0 } }, { hello: { type: 'hello', n: 1 } }], { repeatFrom: 1 });
    const numbers = [];
    for (let i = 0; i < 4; i++) numbers.push((await bench.greet()).messages[0]?.n);
    expect(numbers).toEqual([0, 1, 1, 1]);
    await bench.stop();
    await start([{ hello: { type: 'hello', n: 0 } }]);
    await bench.greet();
    const client = await bench.greet();
    client.send({ type: 'text', text: 'hello' });
    await bench.until(() => client.story().includes('tts stop'));
  });

  it('with faults is refused with all of them and where they are', () => {
    const faulty = {
      connections: [
        {
          hello: 3,
          steps: [
            { wait: 5 },
            { waitMs: -1 },
            { audio: 'a.wav', frameDurationMs: 7, pased: true },
            { close: { code: 1006 } },
            { sendBinary: 'abc' },
          ],
        },
      ],
      repeatFrom: 1,
    };
    let message = '';
    try {
      parseScript(JSON.stringify(faulty), 'my.json');
    } catch (thrown) {
      message = (thrown as Error).message;
    }
    expect(message.split('\n')).toEqual([
      'The script my.json cannot be used; its steps are explained in src/demo-server/README.md.',
      '- connections[0].hello: must be of another form',
      expect.stringMatching(
        /^- connections\[0\]\.steps\[0\]: is no step; a step has one of: expect, .*terminate$/u,
      ),
      '- connections[0].steps[1].waitMs: must be at least 0',
      '- connections[0].steps[2].frameDurationMs: must be one of 5, 10, 20, 40, 60',
      '- connections[0].steps[2]: must have no "pased"',
      '- connections[0].steps[3].close.code: is no close code that may be sent (RFC 6455 §7.4)',
      '- connections[0].steps[4].sendBinary: must be pairs of hex digits',
    ]);
  });

  it('that is no JSON, or names a connection that is not there, is refused', () => {
    expect(() => parseScript('{', 'my.json')).toThrow(/^The script my\.json is not JSON: .*Correct it/u);
    expect(() => parseScript('{"connections":[{}],"repeatFrom":1}', 'my.json')).toThrow(
      /names a connection that is not in the list/u,
    );
  });

  it('is documented by an example that is valid', () => {
    const example = 'test/fixtures/demo-script.json';
    expect(parseScript(readFileSync(example, 'utf8'), example).connections.length).toBeGreaterThan(1);
  });
});

function failure(connection: number, step: number, reason: string) {
  return { connection, ok: false, failure: { step, reason } };
}
