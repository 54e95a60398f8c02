import { expect, it } from 'vitest';
import { textOf } from '../../../src/adapters/tools/tool-output.ts';

const gb = Buffer.from('cec2b6c8203231', 'hex');

it('UTF-8 is read as UTF-8 in every locale', () => {
  for (const LANG of ['zh_CN.GBK', 'en_US.UTF-8'])
    expect(textOf(Buffer.from('温度 21'), { env: { LANG } })).toBe('温度 21');
});

it('what is none is GB18030 where the locale or the configuration says so, and it decodes', () => {
  for (const env of [
    { LANG: 'zh_CN.GB18030' },
    { LANG: 'en_US.UTF-8', LC_ALL: 'zh_CN.gbk' },
    { LANG: 'zh_CN' },
  ])
    expect(textOf(gb, { env })).toBe('温度 21');
  expect(textOf(gb, { encoding: 'gb18030' })).toBe('温度 21');
  expect(textOf(Buffer.from('ff20ff', 'hex'), { env: { LANG: 'zh_CN.GBK' } })).toBe('\ufffd \ufffd');
});

it('else what does not decode is marked, and the rest is kept', () => {
  expect(textOf(Buffer.from('21 \xb0C', 'latin1'), { env: { LANG: 'de_DE.UTF-8' } })).toBe('21 \ufffdC');
  expect(textOf(Buffer.from('a'), { encoding: 'no-such' })).toBe('a');
});

it('only what is full of zero bytes is no text', () => {
  expect(textOf(Buffer.from(`${'x'.repeat(100)}\0`))).toBe(`${'x'.repeat(100)}\ufffd`);
  expect(textOf(Buffer.from([0, 1, 0, 0, 2, 0]))).toBeUndefined();
  expect(textOf(Buffer.alloc(0))).toBe('');
});
