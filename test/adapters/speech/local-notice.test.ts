import { expect, test } from 'vitest';
import { createLocalNotice } from '../../../src/adapters/speech/local-notice.ts';

const peakOf = (pcm: Int16Array) => pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);

test('without a voice a notice is a chime that begins and ends in silence', async () => {
  const { sampleRateHz, pcm } = await createLocalNotice({ speak: () => Promise.resolve(undefined) })('done');
  expect([sampleRateHz, pcm.length]).toEqual([24_000, 8640]);
  expect(peakOf(pcm)).toBeGreaterThan(6000);
  expect(Math.abs(pcm[0] ?? 1)).toBeLessThan(10);
  expect(Math.abs(pcm.at(-1) ?? 1000)).toBeLessThan(300);
});

test('a voice speaks after the chime, at its own rate and in the language of the text', async () => {
  const asked: string[][] = [];
  const render = createLocalNotice({
    speak: (text, language) => {
      asked.push([text, language]);
      return Promise.resolve({ sampleRateHz: 22_050, pcm: new Int16Array(1000).fill(5) });
    },
  });
  const { sampleRateHz, pcm } = await render('任务完成了');
  await render('x'.repeat(5000));
  expect(asked).toEqual([
    ['任务完成了', 'zh'],
    ['x'.repeat(600), 'en'],
  ]);
  expect(sampleRateHz).toBe(22_050);
  expect(pcm.length).toBe(2 * 3969 + 4410 + 1000);
  expect(pcm.subarray(-1000).every((sample) => sample === 5)).toBe(true);
  expect(peakOf(pcm.subarray(2 * 3969, 2 * 3969 + 4410))).toBe(0);
});
