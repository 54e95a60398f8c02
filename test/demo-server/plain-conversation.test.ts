import { afterEach, describe, expect, it } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import type { DemoServerOptions, DemoServerParts } from '../../src/demo-server/server.ts';
import {
  type DemoBench,
  type DemoClient,
  decodeDownlink,
  startDemoBench,
  uplinkPackets,
} from '../support/demo-client.ts';

const speech = await readWavFile('test/fixtures/speech-short.wav');
const silence = (ms: number) => uplinkPackets(new Int16Array(16 * ms));
const sentence = uplinkPackets(speech.pcm);
const answerStory = ['stt', 'llm', 'tts start', 'tts sentence_start', 'tts stop'];

let bench: DemoBench;
afterEach(() => bench.stop());

async function start(options?: Partial<DemoServerOptions>, parts?: Partial<DemoServerParts>) {
  bench = await startDemoBench(options, parts);
}

/** The conversation without the hello. */
const story = (client: DemoClient) => client.story().slice(1);
/** How much speech the first answer is about. */
const heardSeconds = (client: DemoClient) =>
  Number(/\d+\.\d/u.exec(String(client.messages.find(({ type }) => type === 'stt')?.text))?.[0]);
const stops = (client: DemoClient) => story(client).filter((part) => part === 'tts stop').length;

describe('a spoken turn', () => {
  it('is repeated in the voice it was said, once the speaker pauses', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'start', mode: 'auto' });
    client.sendFrames([...sentence, ...silence(1200)]);
    await bench.until(() => stops(client) === 1);
    expect(story(client)).toEqual(answerStory);
    const [, stt, llm, , sentenceStart] = client.messages;
    const sessionId = client.messages[0]?.session_id;
    expect([stt, llm, sentenceStart]).toEqual([
      { type: 'stt', text: expect.stringMatching(/^\(\d\.\d s of speech\)$/u), session_id: sessionId },
      { type: 'llm', text: '🙂', emotion: 'happy', session_id: sessionId },
      { type: 'tts', state: 'sentence_start', text: 'This is what I heard.', session_id: sessionId },
    ]);
    expect(similarity(decodeDownlink(client.frames), speech.pcm)).toBeGreaterThan(0.9);
  });

  it('needs no hello and no listen start, and is bare Opus then', async () => {
    await start();
    const client = await bench.connect();
    client.sendFrames([...sentence, ...silence(1200)]);
    await bench.until(() => client.story().includes('tts stop'));
    expect(client.story()).toEqual(answerStory);
  });

  it('ends with listen stop in manual mode, not with a pause', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'start', mode: 'manual' });
    client.sendFrames([...sentence, ...silence(2000), ...sentence]);
    await bench.pass(1000);
    expect(story(client)).toEqual([]);
    client.send({ type: 'listen', state: 'stop' });
    await bench.until(() => stops(client) === 1);
    expect(story(client)).toEqual(answerStory);
    expect(client.frames.length).toBe(2 * sentence.length + silence(2000).length);
  });

  it('without speech in manual mode is answered all the same', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'start', mode: 'manual' });
    client.sendFrames(silence(900));
    client.send({ type: 'listen', state: 'stop' });
    await bench.until(() => stops(client) === 1);
    expect(story(client)).toEqual(answerStory.slice(1));
    expect(client.messages[3]?.text).toBe('I did not hear anything.');
  });

  it('survives packets that are no Opus and the one-byte packets of a silent encoder', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'start', mode: 'auto' });
    const toc = Uint8Array.of(sentence[0]?.[0] ?? 0);
    client.sendFrames([
      Uint8Array.of(0xff, 0xff, 0xff),
      toc,
      new Uint8Array(0),
      ...sentence,
      ...silence(1200),
    ]);
    await bench.until(() => stops(client) === 1);
    expect(story(client)).toEqual(answerStory);
  });

  it('is ended by force after 30 s without a pause', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'start', mode: 'auto' });
    const noPause = loudest(sentence);
    client.sendFrames(
      Array.from({ length: 40_000 / 60 }, (_, i) => noPause[i % noPause.length] as Uint8Array),
    );
    await bench.until(() => client.story().includes('tts start'));
    expect(heardSeconds(client)).toBeCloseTo(30, 0);
  });

  it('while the server speaks is not listened to in auto mode', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'text', text: 'hello' });
    await bench.until(() => client.story().includes('tts start'));
    client.sendFrames([...sentence, ...silence(1200)]);
    await bench.pass(5000);
    expect(story(client)).toEqual(answerStory);
  });

  it('interrupts the server in realtime mode and is answered next', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'start', mode: 'realtime' });
    client.sendFrames([...sentence, ...silence(1200)]);
    await bench.until(() => client.story().includes('tts start'));
    const half = Math.floor(sentence.length / 2);
    client.sendFrames(sentence.slice(0, half));
    await bench.until(() => stops(client) === 1);
    expect(story(client)).toEqual(answerStory);
    expect(client.frames.length).toBeLessThan(heardSeconds(client) / 0.06 - 1);
    client.sendFrames([...sentence.slice(half), ...silence(1200)]);
    await bench.until(() => stops(client) === 2);
    await bench.pass(5000);
    expect(story(client)).toEqual([...answerStory, ...answerStory]);
  });
});

describe('abort', () => {
  it('ends the audio at once with one tts stop', async () => {
    await start();
    const client = await bench.greet();
    client.sendFrames([...sentence, ...silence(1200)]);
    await bench.until(() => client.story().includes('tts start'));
    client.send({ type: 'abort' });
    await bench.until(() => stops(client) === 1);
    const framesAtStop = client.frames.length;
    await bench.pass(5000);
    expect({ story: story(client), later: client.frames.length - framesAtStop }).toEqual({
      story: answerStory,
      later: 0,
    });
    expect(framesAtStop).toBeLessThan(sentence.length);
  });

  it('forgets an answer that is still being prepared', async () => {
    let speak: () => void = () => {};
    await start(
      {},
      {
        synthesize: () =>
          new Promise((resolve) => {
            speak = () => resolve(undefined);
          }),
      },
    );
    const client = await bench.greet();
    client.send({ type: 'text', text: 'hello' });
    client.send({ type: 'abort' });
    await bench.until(() => stops(client) === 1);
    speak();
    await bench.pass(2000);
    expect(story(client)).toEqual(['stt', 'tts stop']);
  });
});

describe('a written turn', () => {
  const voiceOf = (log: string[]) => (text: string, language: string) => {
    log.push(`${language}: ${text}`);
    return Promise.resolve({ sampleRateHz: 16_000, pcm: speech.pcm });
  };

  it('is read out by the voice of its language', async () => {
    const said: string[] = [];
    await start({}, { synthesize: voiceOf(said) });
    const client = await bench.greet();
    client.send({ type: 'listen', state: 'detect', text: 'good night' });
    await bench.until(() => stops(client) === 1);
    client.send({ type: 'text', text: '晚安' });
    await bench.until(() => stops(client) === 2);
    expect(said).toEqual(['en: You wrote: good night', 'zh: 你写的是：晚安']);
    expect(story(client)).toEqual([...answerStory, ...answerStory]);
    expect(client.messages[1]).toMatchObject({ type: 'stt', text: 'good night' });
    expect(similarity(decodeDownlink(client.frames.slice(0, sentence.length)), speech.pcm)).toBeGreaterThan(
      0.9,
    );
  });

  it('is answered with the recording when there is no voice', async () => {
    await start(
      { recording: 'short.wav' },
      { synthesize: () => Promise.resolve(undefined), loadWav: () => Promise.resolve(speech) },
    );
    const client = await bench.greet();
    client.send({ type: 'text', text: 'hello' });
    await bench.until(() => stops(client) === 1);
    expect(similarity(decodeDownlink(client.frames), speech.pcm)).toBeGreaterThan(0.9);
  });

  it('is answered with a chime when there is neither, however they fail', async () => {
    await start(
      { recording: 'gone.wav' },
      {
        synthesize: () => Promise.reject(new Error('no voice')),
        loadWav: () => Promise.reject(new Error('no file')),
      },
    );
    const client = await bench.greet();
    client.send({ type: 'text', text: 'hello' });
    await bench.until(() => stops(client) === 1);
    expect(story(client)).toEqual(answerStory);
    expect(client.frames.length).toBe(Math.ceil((4 * 220) / 60));
  });

  it('replaces the answer that is being spoken', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'text', text: 'one' });
    await bench.until(() => client.story().includes('tts start'));
    client.send({ type: 'text', text: 'two' });
    await bench.until(() => stops(client) === 2);
    expect(story(client)).toEqual([
      'stt',
      'llm',
      'tts start',
      'tts sentence_start',
      'tts stop',
      ...answerStory,
    ]);
  });

  it('with nothing in it is no turn', async () => {
    await start();
    const client = await bench.greet();
    client.send({ type: 'text', text: '  ' });
    client.send({ type: 'listen', state: 'detect' });
    await bench.pass(500);
    expect(story(client)).toEqual([]);
  });
});

/** The packets of the middle of the sentence: speech without a pause. */
function loudest(packets: readonly Uint8Array[]): Uint8Array[] {
  const bySize = packets
    .map((packet, index) => ({ packet, index }))
    .sort((a, b) => b.packet.length - a.packet.length);
  return bySize.slice(0, 4).map(({ packet }) => packet);
}

/** How alike the loudness of two recordings is over time, whatever their rates and their start: 1 is the same. */
function similarity(heard24kHz: Int16Array, said16kHz: Int16Array): number {
  const heard = loudness(heard24kHz, 480);
  const said = loudness(said16kHz, 320);
  let best = 0;
  for (let shift = -said.length; shift <= said.length; shift++)
    best = Math.max(best, cosine(heard, said, shift));
  return best;
}

function loudness(pcm: Int16Array, window: number): number[] {
  return Array.from({ length: Math.floor(pcm.length / window) }, (_, i) =>
    Math.sqrt(
      pcm.subarray(i * window, (i + 1) * window).reduce((sum, sample) => sum + sample ** 2, 0) / window,
    ),
  );
}

function cosine(a: readonly number[], b: readonly number[], shift: number): number {
  const dot = b.reduce((sum, value, i) => sum + value * (a[i + shift] ?? 0), 0);
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  return dot / (norm(a) * norm(b) || 1);
}
