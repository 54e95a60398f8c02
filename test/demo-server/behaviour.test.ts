import { afterEach, expect, it } from 'vitest';
import { manners, type TextWay, textWays } from '../../src/demo-server/behaviour.ts';
import { type MannerBench, startMannerBench } from '../support/manner-bench.ts';

let bench: MannerBench;
afterEach(() => bench.stop());

const messageBy: Readonly<Record<TextWay, object>> = {
  detect: { type: 'listen', state: 'detect' },
  'listen-text': { type: 'listen', state: 'text' },
  text: { type: 'text' },
};
const audio_params = { format: 'opus', sample_rate: 16_000, channels: 1, frame_duration: 60 };

it.each(manners.flatMap((manner) => textWays.map((way) => ({ manner, way }))))(
  'a $manner server that takes texts by $way alone leaves the others unanswered',
  async ({ manner, way }) => {
    bench = await startMannerBench({ manner, textWays: [way] }, { features: {}, audio_params });
    for (const other of textWays.filter((one) => one !== way))
      bench.client.send({ ...messageBy[other], text: other });
    await bench.pass(2_000);
    bench.client.send({ ...messageBy[way], text: 'hello' });
    await bench.until(() => bench.stops() === 1);
    expect(bench.story().filter((part) => part.includes('sentence_start'))).toEqual([
      'tts sentence_start You wrote: hello',
    ]);
  },
);
