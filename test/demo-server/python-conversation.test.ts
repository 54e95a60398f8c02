import { afterEach, describe, expect, it } from 'vitest';
import type { BehaviourOptions } from '../../src/demo-server/behaviour.ts';
import { decodeDownlink, uplinkPackets } from '../support/demo-client.ts';
import { type MannerBench, silence, startMannerBench, voice } from '../support/manner-bench.ts';
import { tone } from '../support/signals.ts';

let bench: MannerBench;
afterEach(() => bench.stop());

async function start(behaviour: BehaviourOptions = {}, hello: object = {}) {
  bench = await startMannerBench({ manner: 'python', ...behaviour }, hello);
}

const isSaying = (text: string) => () => bench.story().includes(`tts sentence_start ${text}`);
/** A typed turn from its beginning to its end. */
async function typed(text: string): Promise<void> {
  const before = bench.stops();
  bench.listen('detect', { text });
  await bench.until(() => bench.stops() > before);
}

describe('an answer in the manner of the Python server', () => {
  it('begins with tts start beside the words, before the model has thought', async () => {
    await start({ thinkMs: 3_000 }, { features: {} });
    bench.listen('detect', { text: 'hello' });
    await bench.until(() => bench.story().length > 0);
    await bench.pass(2_500);
    expect(bench.story()).toEqual(['stt hello', 'tts start']);
    await bench.until(() => bench.stops() === 1);
    expect(bench.story().slice(2)).toEqual(['llm 🙂', 'tts sentence_start You wrote: hello', 'tts stop']);
  });

  it('comes sentence by sentence, and ends once', async () => {
    await start({}, { features: {} });
    await typed('help');
    expect(bench.story().filter((part) => part.startsWith('tts sentence_start'))).toHaveLength(3);
    expect(bench.stops()).toBe(1);
    expect(bench.client.frames).toHaveLength(3 * 15);
  });

  it('ends at once with abort, thought of or spoken, and nothing of it follows', async () => {
    await start({ thinkMs: 1_000 }, { features: {} });
    bench.listen('detect', { text: 'hello' });
    await bench.until(() => bench.story().includes('tts start'));
    bench.client.send({ type: 'abort' });
    await bench.until(() => bench.stops() === 1);
    await bench.pass(3_000);
    expect([bench.story(), bench.client.frames]).toEqual([['stt hello', 'tts start', 'tts stop'], []]);
  });

  it('is a cached greeting without stt where the text is a wake word', async () => {
    await start({}, { features: {} });
    await typed('你好，小智！');
    expect(bench.story()).toEqual(['tts start', 'tts sentence_start 我在这里哦！', 'tts stop']);
    expect(decodeDownlink(bench.client.frames).length).toBeGreaterThan(24_000 / 2);
  });

  it('is the end of the connection where the text is a farewell', async () => {
    await start({}, { features: {} });
    bench.listen('detect', { text: '退出' });
    await bench.until(() => bench.client.ended !== undefined);
    expect([bench.story(), bench.client.ended?.code]).toEqual([['stt 退出', 'tts start'], 1000]);
  });
});

describe('what the Python server hears', () => {
  const sentence = voice(3_000);

  it('is a whole sentence in auto and in realtime, without listen stop', async () => {
    await start({}, { features: {} });
    for (const mode of ['auto', 'realtime']) {
      const before = bench.stops();
      bench.listen('start', { mode });
      await bench.speak([...sentence, ...silence(1_200)]);
      await bench.until(() => bench.stops() > before);
    }
    expect(bench.heardSeconds()).toEqual([expect.closeTo(3.5, 0), expect.closeTo(3.5, 0)]);
  });

  it('lacks two seconds where it is the first sound behind a text, however late it comes', async () => {
    await start({}, { features: {} });
    await typed('hello');
    await bench.pass(10_000);
    bench.listen('start', { mode: 'auto' });
    await bench.speak([...sentence, ...silence(1_200)]);
    await bench.until(() => bench.stops() === 2);
    expect(bench.heardSeconds()[0]).toBeLessThan(1.7);
  });

  it('is whole where a silent frame came behind the text, and two seconds have gone', async () => {
    await start({}, { features: {} });
    bench.listen('detect', { text: 'hello' });
    bench.client.sendFrames(silence(60));
    await bench.until(() => bench.stops() === 1);
    await bench.pass(1_000);
    bench.listen('start', { mode: 'auto' });
    await bench.speak([...sentence, ...silence(1_200)]);
    await bench.until(() => bench.stops() === 2);
    expect(bench.heardSeconds()[0]).toBeGreaterThan(2.9);
  });

  it('is lost when a text comes in the middle of it', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    await bench.speak(sentence.slice(0, 30));
    bench.listen('detect', { text: 'hello' });
    await bench.speak([...sentence.slice(30), ...silence(5_000)]);
    expect(bench.story().filter((part) => part.startsWith('stt'))).toEqual(['stt hello']);
  });

  it('is never answered when a text comes before it is recognised', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    bench.client.sendFrames([...sentence, ...silence(720)]);
    bench.listen('detect', { text: 'hello' });
    await bench.pass(6_000);
    expect(bench.story().filter((part) => part.startsWith('stt'))).toEqual(['stt hello']);
  });

  it('is a ghost of silence at listen stop, if any has come', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    bench.listen('stop');
    await bench.pass(3_000);
    expect(bench.story()).toEqual([]);
    bench.listen('start', { mode: 'auto' });
    bench.client.sendFrames(silence(600));
    bench.listen('stop');
    await bench.until(() => bench.stops() === 1);
    expect(bench.heardSeconds()).toEqual([0.6]);
  });

  it('of silence in manual mode is nothing, and is not answered', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'manual' });
    bench.client.sendFrames(silence(900));
    bench.listen('stop');
    await bench.pass(3_000);
    expect(bench.story()).toEqual([]);
    bench.listen('start', { mode: 'manual' });
    bench.client.sendFrames(sentence);
    bench.listen('stop');
    await bench.until(() => bench.stops() === 1);
    expect(bench.heardSeconds()).toEqual([3]);
  });

  it('is nothing in packets of more than 60 ms', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    bench.client.sendFrames([...uplinkPackets(tone(300, 16_000, 3_000), 120), ...silence(1_200)]);
    await bench.pass(3_000);
    expect(bench.story()).toEqual([]);
  });

  it('is bare Opus, and so is what it says, whatever version is asked for', async () => {
    await start({}, { features: {} });
    const client = await bench.greet({ type: 'hello', version: 3 }, { headers: { 'protocol-version': '3' } });
    client.send({ type: 'listen', state: 'start', mode: 'auto' });
    client.sendFrames([...sentence, ...silence(1_200)]);
    await bench.until(() => client.story().includes('tts stop'));
    expect(client.messages[0]).toMatchObject({ version: 1 });
    expect(client.frames[0]?.[0]).not.toBe(0);
  });

  it('cuts the answer with its first sound where the device asked for echo to be cancelled, else with its end', async () => {
    for (const aec of [true, false]) {
      await start({}, { features: { aec } });
      bench.listen('start', { mode: 'realtime' });
      bench.client.sendFrames([...voice(6_000), ...silence(900)]);
      await bench.until(() => bench.story().some((part) => part.startsWith('tts sentence_start')));
      bench.client.sendFrames(voice(600));
      await bench.pass(1_000);
      expect(bench.stops()).toBe(aec ? 1 : 0);
      bench.client.sendFrames(silence(900));
      await bench.until(() => bench.heardSeconds().length === 2);
      expect(bench.stops()).toBe(1);
      if (aec) await bench.stop();
    }
  });

  it('makes it leave after two minutes of silence, with a word', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    for (let seconds = 0; seconds < 118; seconds++) {
      bench.client.sendFrames(silence(60));
      await bench.pass(1_000);
    }
    expect(bench.story()).toEqual([]);
    for (let seconds = 0; seconds < 8 && bench.client.ended === undefined; seconds++) {
      bench.client.sendFrames(silence(60));
      await bench.pass(1_000);
    }
    expect([bench.story()[0], bench.stops(), bench.client.ended?.code]).toEqual(['tts start', 1, 1000]);
  });

  it('is nothing for three minutes when no frame comes, then it hangs up', async () => {
    await start({}, { features: {} });
    await bench.pass(179_000);
    expect(bench.client.ended).toBeUndefined();
    await bench.pass(2_000);
    expect([bench.story(), bench.client.ended?.code]).toEqual([[], 1000]);
  });
});

describe('a text to the Python server', () => {
  it('cuts nothing while it listens and nothing is said', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    await bench.speak(silence(1_200));
    await typed('hello');
    expect(bench.story()).toEqual([
      'stt hello',
      'tts start',
      'llm 🙂',
      'tts sentence_start You wrote: hello',
      'tts stop',
    ]);
  });

  it('cuts a running answer in auto and realtime', async () => {
    await start({}, { features: {} });
    for (const mode of ['auto', 'realtime']) {
      const before = bench.story().length;
      bench.listen('start', { mode });
      bench.listen('detect', { text: `one ${mode}` });
      await bench.until(isSaying(`You wrote: one ${mode}`));
      await typed(`two ${mode}`);
      await bench.until(isSaying(`You wrote: two ${mode}`));
      await bench.pass(2_000);
      expect(bench.story().slice(before + 4)).toEqual([
        'tts stop',
        `stt two ${mode}`,
        'tts start',
        'llm 🙂',
        `tts sentence_start You wrote: two ${mode}`,
        'tts stop',
      ]);
    }
  });

  it('waits behind a running answer in manual mode, and both end together', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'manual' });
    bench.listen('detect', { text: 'one' });
    await bench.until(isSaying('You wrote: one'));
    bench.listen('detect', { text: 'two' });
    await bench.pass(6_000);
    expect(bench.story()).toEqual([
      'stt one',
      'tts start',
      'llm 🙂',
      'tts sentence_start You wrote: one',
      'stt two',
      'tts start',
      'llm 🙂',
      'tts sentence_start You wrote: two',
      'tts stop',
    ]);
  });

  it('of any other type is unknown to it', async () => {
    await start({}, { features: {} });
    bench.client.send({ type: 'text', text: 'hello' });
    bench.client.send({ type: 'listen', state: 'text', text: 'hello' });
    await bench.pass(1_000);
    expect(bench.story()).toEqual([]);
  });

  it('is what was recognised where that is configured, one turn after the other', async () => {
    await start({ spokenCommand: ['call lamp {"on":true}'] });
    await bench.offerTools('lamp');
    bench.listen('start', { mode: 'auto' });
    bench.client.sendFrames([...voice(1_500), ...silence(900)]);
    await bench.until(() => bench.requests('tools/call').length === 1);
    bench.answer(1, { content: [{ type: 'text', text: 'bright' }] });
    await bench.until(() => bench.stops() === 1);
    bench.client.sendFrames([...voice(1_500), ...silence(900)]);
    await bench.until(() => bench.stops() === 2);
    expect(bench.story().filter((part) => /^stt|sentence/u.test(part))).toEqual([
      'stt call lamp {"on":true}',
      'stt % lamp',
      'tts sentence_start bright',
      expect.stringMatching(/^stt \([12]\.\d s of speech\)$/u),
      'tts sentence_start This is what I heard.',
    ]);
  });
});

describe('tools and the Python server', () => {
  it('are asked for one second after initialize is answered, and unknown before', async () => {
    await start();
    await bench.until(() => bench.requests('initialize').length === 1);
    bench.answer(1, {});
    await typed('call lamp');
    expect(bench.story().slice(0, -1)).toContain(
      "tts sentence_start (Without the device's tools) I know no tool lamp.",
    );
    await bench.until(() => bench.requests('tools/list').length === 1);
    bench.answer(2, { tools: [{ name: 'self.lamp' }] });
    bench.listen('detect', { text: 'call self.lamp' });
    await bench.until(() => bench.requests('tools/call').length === 1);
    expect(bench.requests('tools/call')[0]?.id).toBe(1);
    bench.answer(1, {
      content: [
        { type: 'text', text: 'bright' },
        { type: 'text', text: 'and warm' },
      ],
    });
    await bench.until(() => bench.stops() === 2);
    expect(bench.story().slice(-6)).toEqual([
      'stt call self.lamp',
      'tts start',
      'stt % self_lamp',
      'llm 🙂',
      'tts sentence_start bright',
      'tts stop',
    ]);
  });

  it('are read once per connection: list_changed is not listened to', async () => {
    await start();
    await bench.offerTools('lamp');
    bench.client.send({
      type: 'mcp',
      payload: { jsonrpc: '2.0', method: 'notifications/tools/list_changed' },
    });
    await bench.pass(3_000);
    expect(bench.requests('tools/list')).toHaveLength(1);
  });

  it('fail in its words, and an empty result breaks the conversation for good', async () => {
    await start();
    await bench.offerTools('lamp');
    const said: string[] = [];
    for (const [id, result] of [
      { content: [{ type: 'text', text: 'no bulb' }], isError: true },
      { content: [{ type: 'text', text: '' }] },
    ].entries()) {
      bench.listen('detect', { text: 'call lamp' });
      await bench.until(() => bench.requests('tools/call').length === id + 1);
      bench.answer(id + 1, result);
      await bench.until(() => bench.stops() === id + 1);
      said.push(bench.story().at(-2) ?? '');
    }
    await typed('hello');
    said.push(bench.story().at(-2) ?? '');
    expect(said).toEqual([
      'tts sentence_start MCP错误: 未提供具体错误信息',
      'tts sentence_start 动作已取消/被打断',
      'tts sentence_start 动作已取消/被打断',
    ]);
  });

  it('that answer after half a minute are asked for anew', async () => {
    await start();
    await bench.offerTools('lamp');
    bench.listen('detect', { text: 'call lamp' });
    await bench.until(() => bench.requests('tools/call').length === 1);
    await bench.until(() => bench.stops() === 1);
    bench.answer(1, { content: [] });
    await bench.until(() => bench.requests('tools/list').length === 2);
  });
});

describe('the Python server and odd messages', () => {
  it('gives back the audio parameters of the device', async () => {
    const audio_params = { format: 'opus', sample_rate: 8_000, channels: 1, frame_duration: 20 };
    await start({}, { audio_params });
    expect(bench.client.messages[0]).toMatchObject({ type: 'hello', version: 1, audio_params });
  });

  it('sends back what is no JSON and ignores what it does not know', async () => {
    await start({}, { features: {} });
    for (const text of ['what?', '5', '{"type":"goodbye"}', '{"type":"surprise"}', '[]'])
      bench.client.send(text);
    await bench.until(() => bench.client.texts.includes('5'));
    await bench.pass(200);
    expect(bench.client.texts.slice(1)).toEqual(['what?', '5']);
    expect(bench.client.ended).toBeUndefined();
  });

  it.each([
    { type: 'listen' },
    { type: 'mcp', payload: {} },
    { type: 'listen', state: 'detect', text: '{"content":5}' },
  ])('ends at $type $state $text', async (message) => {
    await start({}, { features: {} });
    bench.client.send(message);
    await bench.until(() => bench.client.ended !== undefined);
  });
});
