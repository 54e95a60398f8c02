import { afterEach, describe, expect, it } from 'vitest';
import type { BehaviourOptions } from '../../src/demo-server/behaviour.ts';
import { type MannerBench, silence, startMannerBench, voice } from '../support/manner-bench.ts';

const audio_params = { format: 'opus', sample_rate: 16_000, channels: 1, frame_duration: 60 };

let bench: MannerBench;
afterEach(() => bench.stop());

async function start(behaviour: BehaviourOptions = {}, hello: object = {}) {
  bench = await startMannerBench({ manner: 'go', ...behaviour }, { features: {}, audio_params, ...hello });
}

const answerTo = (text: string) => [
  'llm 🙂',
  'tts start',
  `tts sentence_start ${text}`,
  `tts sentence_end ${text}`,
  'tts stop',
];

describe('a text to the Go server', () => {
  it('is answered 0.3 s later, without stt, and with the end of each sentence', async () => {
    await start();
    bench.listen('detect', { text: 'hello' });
    await bench.pass(280);
    expect(bench.story()).toEqual([]);
    await bench.until(() => bench.stops() === 1);
    expect(bench.story()).toEqual(answerTo('You wrote: hello'));
    expect(bench.client.frames).toHaveLength(15);
  });

  it('is lost when the device begins to listen right behind it', async () => {
    await start();
    bench.listen('detect', { text: 'hello' });
    bench.listen('start', { mode: 'auto' });
    await bench.pass(3_000);
    expect(bench.story()).toEqual([]);
    bench.listen('detect', { text: 'hello' });
    await bench.until(() => bench.stops() === 1);
    bench.listen('start', { mode: 'auto' });
    await bench.pass(1_000);
    expect(bench.story()).toEqual(answerTo('You wrote: hello'));
  });

  it('while it speaks is mixed into what it says, without tts start', async () => {
    await start();
    bench.listen('detect', { text: 'one' });
    await bench.until(() => bench.story().includes('tts sentence_start You wrote: one'));
    bench.listen('detect', { text: 'two' });
    await bench.until(() => bench.stops() === 2);
    expect(bench.story()).toEqual([
      'llm 🙂',
      'tts start',
      'tts sentence_start You wrote: one',
      'llm 🙂',
      'tts sentence_start You wrote: two',
      'tts sentence_end You wrote: one',
      'tts stop',
      'tts sentence_end You wrote: two',
      'tts stop',
    ]);
    expect(bench.client.frames).toHaveLength(2 * 15);
  });

  it('that is a wake word is only given back', async () => {
    await start();
    bench.listen('detect', { text: '你好小智' });
    await bench.pass(2_000);
    expect(bench.story()).toEqual(['stt 你好小智']);
  });

  it('of another type comes back as it went', async () => {
    await start();
    const text = '{"type":"text",  "text":"hello"}';
    bench.client.send(text);
    await bench.until(() => bench.client.texts.includes(text));
  });
});

describe('what the Go server hears', () => {
  const sentence = [...voice(2_000), ...silence(1_200)];

  it('is one sentence after each listen start, and nothing without', async () => {
    await start();
    bench.client.sendFrames(sentence);
    await bench.pass(2_000);
    expect(bench.story()).toEqual([]);
    bench.listen('start', { mode: 'auto' });
    bench.client.sendFrames([...sentence, ...sentence]);
    await bench.until(() => bench.stops() === 1);
    await bench.pass(3_000);
    expect(bench.heardSeconds()).toEqual([expect.closeTo(2.3, 0)]);
    bench.listen('start', { mode: 'auto' });
    bench.client.sendFrames(sentence);
    await bench.until(() => bench.stops() === 2);
  });

  it('in realtime ends only with listen stop', async () => {
    await start();
    bench.listen('start', { mode: 'realtime' });
    bench.client.sendFrames(sentence);
    await bench.pass(3_000);
    expect(bench.story()).toEqual([]);
    bench.listen('stop');
    await bench.until(() => bench.stops() === 1);
    expect(bench.heardSeconds()).toEqual([3.2]);
  });
});

describe('the Go server', () => {
  it('has version 0 in everything it says, and wants to know the audio', async () => {
    await start();
    bench.listen('detect', { text: 'hello' });
    await bench.until(() => bench.stops() === 1);
    expect(new Set(bench.client.messages.map(({ version }) => version))).toEqual(new Set([0]));
    const other = await bench.connect();
    other.send({ type: 'hello' });
    await bench.until(() => other.ended !== undefined);
  });

  it('agrees to an abort and goes on speaking', async () => {
    await start();
    bench.listen('detect', { text: 'hello' });
    await bench.until(() => bench.client.frames.length > 3);
    bench.client.send({ type: 'abort' });
    await bench.until(() => bench.stops() === 1);
    expect(bench.client.messages).toContainEqual(
      expect.objectContaining({ type: 'abort', state: 'success' }),
    );
    expect(bench.client.frames).toHaveLength(15);
  });

  it('asks for the tools at once and calls them, with the session in the envelope', async () => {
    await start({}, { features: { mcp: true } });
    await bench.offerTools('lamp');
    bench.listen('detect', { text: 'call lamp' });
    await bench.until(() => bench.requests('tools/call').length === 1);
    bench.answer(bench.requests('tools/call')[0]?.id, { content: [{ type: 'text', text: 'bright' }] });
    await bench.until(() => bench.stops() === 1);
    expect(bench.story()).toEqual(answerTo('bright'));
    const [initialize] = bench.client.messages.filter(({ type }) => type === 'mcp');
    expect(initialize?.session_id).toBe(bench.client.messages[0]?.session_id);
  });

  it('agrees to iot, and sends goodbye and what it does not know back', async () => {
    await start();
    for (const type of ['iot', 'goodbye', 'surprise']) bench.client.send({ type });
    await bench.until(() => bench.client.messages.length === 4);
    expect(bench.client.messages.slice(1)).toEqual([
      expect.objectContaining({ type: 'iot', state: 'success' }),
      { type: 'goodbye' },
      { type: 'surprise' },
    ]);
  });

  it('hangs up a minute after the last message, whatever is pinged', async () => {
    await start();
    await bench.pass(40_000);
    bench.client.sendFrames(silence(60));
    await bench.pass(59_000);
    expect(bench.client.ended).toBeUndefined();
    await bench.pass(1_500);
    expect(bench.client.ended?.code).toBe(1000);
  });
});
