import { afterEach, describe, expect, it } from 'vitest';
import type { BehaviourOptions } from '../../src/demo-server/behaviour.ts';
import { type MannerBench, silence, startMannerBench, voice } from '../support/manner-bench.ts';

let bench: MannerBench;
afterEach(() => bench.stop());

async function start(behaviour: BehaviourOptions = {}, hello: object = {}) {
  bench = await startMannerBench({ manner: 'java', ...behaviour }, hello);
}

const isSaying = (text: string) => () => bench.story().includes(`tts sentence_start ${text}`);
const sentences = () => bench.story().flatMap((part) => /^tts sentence_start (.*)$/u.exec(part)?.[1] ?? []);

describe('a text to the Java server', () => {
  it('by detect is answered without tools while idle, with tools while it listens; by text always with tools', async () => {
    await start();
    await bench.offerTools('lamp');
    const asked = async (before: () => void, state: string) => {
      const stops = bench.stops();
      before();
      bench.listen(state, { text: 'tools' });
      await bench.until(() => bench.stops() > stops);
    };
    const listens = (mode: string) => () => bench.listen('start', { mode });
    await asked(() => {}, 'detect');
    await asked(listens('auto'), 'detect');
    await asked(() => {}, 'detect');
    await asked(() => {}, 'text');
    await asked(listens('realtime'), 'detect');
    await asked(() => {}, 'detect');
    const [without, known] = [
      "(Without the device's tools) This device offers no tools.",
      'Your device offers one tool: lamp.',
    ];
    expect(sentences()).toEqual([without, known, without, known, known, known]);
  });

  it('by detect waits behind a running answer, with one tts start and one tts stop', async () => {
    await start({}, { features: {} });
    bench.listen('detect', { text: 'one' });
    await bench.until(isSaying('You wrote: one'));
    bench.listen('detect', { text: 'two' });
    await bench.until(() => bench.stops() === 1);
    await bench.pass(2_000);
    expect(bench.story()).toEqual([
      'stt one',
      'llm 🙂',
      'tts start',
      'tts sentence_start You wrote: one',
      'stt two',
      'llm 🙂',
      'tts sentence_start You wrote: two',
      'tts stop',
    ]);
  });

  it('by text replaces the running answer', async () => {
    await start({}, { features: {} });
    bench.listen('detect', { text: 'one' });
    await bench.until(isSaying('You wrote: one'));
    bench.listen('text', { text: 'two' });
    await bench.until(() => bench.stops() === 2);
    expect(bench.story().slice(4)).toEqual([
      'tts stop',
      'stt two',
      'llm 🙂',
      'tts start',
      'tts sentence_start You wrote: two',
      'tts stop',
    ]);
  });
});

describe('the Java server', () => {
  const sentence = [...voice(2_000), ...silence(1_200)];

  it('pauses 0.3 s between sentences, two packets ahead', async () => {
    await start({}, { features: {} });
    bench.listen('detect', { text: 'help' });
    await bench.until(() => sentences().length === 2);
    // 15 packets, of which two leave at once, and the pause.
    const firstMs = 13 * 60 + 300;
    const atMs = bench.clock.now();
    await bench.until(() => sentences().length === 3);
    expect(bench.clock.now() - atMs).toBeGreaterThanOrEqual(firstMs - 100);
    expect(bench.clock.now() - atMs).toBeLessThan(firstMs + 300);
  });

  it('hears a whole sentence, and ends its answer when somebody speaks', async () => {
    await start({}, { features: {} });
    for (const mode of ['auto', 'realtime']) {
      const stops = bench.stops();
      const turns = bench.heardSeconds().length;
      bench.listen('start', { mode });
      bench.client.sendFrames(sentence);
      await bench.until(
        () => bench.heardSeconds().length === turns + 1 && bench.story().at(-1) !== 'tts stop',
      );
      await bench.until(() => bench.story().at(-1)?.startsWith('tts sentence_start') ?? false);
      bench.client.sendFrames(sentence.slice(0, 10));
      await bench.until(() => bench.stops() === stops + 1);
      bench.client.sendFrames(sentence.slice(10));
      await bench.until(() => bench.stops() === stops + 2);
    }
    expect(bench.heardSeconds()).toHaveLength(4);
    expect(Math.min(...bench.heardSeconds())).toBeGreaterThan(2);
  });

  it('answers abort with tts stop, and says no more', async () => {
    await start({}, { features: {} });
    bench.listen('detect', { text: 'help' });
    await bench.until(() => bench.client.frames.length > 3);
    bench.client.send({ type: 'abort' });
    await bench.until(() => bench.stops() === 1);
    const { length } = bench.client.frames;
    await bench.pass(3_000);
    expect([bench.client.frames.length, bench.stops()]).toEqual([length, 1]);
  });

  it('reads one page of tools', async () => {
    await start();
    await bench.until(() => bench.requests('initialize').length === 1);
    bench.answer(1, {});
    await bench.until(() => bench.requests('tools/list').length === 1);
    bench.answer(2, { tools: [{ name: 'a' }], nextCursor: 'more' });
    await bench.pass(1_000);
    expect(bench.requests('tools/list')).toHaveLength(1);
    bench.listen('text', { text: 'tools' });
    await bench.until(() => bench.stops() === 1);
    expect(sentences()).toEqual(['Your device offers one tool: a.']);
  });

  it('hangs up after a minute without a voice, silence sent or not', async () => {
    await start({}, { features: {} });
    bench.listen('start', { mode: 'auto' });
    for (let seconds = 0; seconds < 59; seconds++) {
      bench.client.sendFrames(silence(60));
      await bench.pass(1_000);
    }
    expect(bench.client.ended).toBeUndefined();
    await bench.pass(11_000);
    expect(bench.client.ended?.code).toBe(1000);
  });
});
