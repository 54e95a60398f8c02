import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type StatusLineContent, statusLine, widthOf } from '../../../src/adapters/display/status-line.ts';
import { wordsFor } from '../../../src/adapters/display/words.ts';

const content: StatusLineContent = {
  status: 'listening',
  levelPercent: 50,
  voice: false,
  volumePercent: 70,
  muted: true,
  edit: '',
};
const line = (columns: number, change: Partial<StatusLineContent> = {}, language: 'en' | 'zh-CN' = 'en') =>
  statusLine({ ...content, ...change }, wordsFor(language), columns, (_, text) => text);

test('shows state, level, volume, mute and keys', () => {
  expect(line(120)).toBe(
    '< Listening  [||||||      ]  vol 70%  muted  Enter talk  m mute  +/- volume  q quit  or type a message',
  );
  expect(line(120, { muted: false }, 'zh-CN')).toBe(
    '< 聆听中  [||||||      ]  音量 70%  回车 说话  m 静音  +/- 音量  q 退出  或直接输入文字',
  );
});

test('a narrow window loses what matters least first', () => {
  expect([70, 45, 30, 12, 4].map((columns) => line(columns))).toEqual([
    '< Listening  [||||||      ]  vol 70%  muted  Enter talk  q quit',
    '< Listening  [||||||      ]  vol 70%  muted',
    '< Listening  [||||||      ]',
    '< Listening',
    '< Li',
  ]);
});

test('the level stays within its meter', () => {
  expect([-5, 0, 100, 400].map((levelPercent) => line(30, { levelPercent }))).toEqual([
    '< Listening  [            ]',
    '< Listening  [            ]',
    '< Listening  [||||||||||||]',
    '< Listening  [||||||||||||]',
  ]);
});

test('the meter is bright while somebody speaks', () => {
  const painted = (voice: boolean) =>
    statusLine({ ...content, voice }, wordsFor('en'), 30, (color, text) => `${color}(${text})`);
  expect([painted(true), painted(false)]).toEqual([
    'bold(green(< Listening))  green([||||||      ])',
    'bold(green(< Listening))  dim([||||||      ])',
  ]);
});

test('while typing the line ends with the end of the text', () => {
  expect(line(80, { edit: '今天天气怎么样' })).toBe('< Listening > 今天天气怎么样');
  expect(line(26, { edit: '今天天气怎么样' })).toBe('< Listening > 天天气怎么样');
  expect(line(10, { edit: '今天天气怎么样' })).toBe('> 气怎么样');
});

test('never takes more columns than there are, whatever is typed', () => {
  const edits = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('很长的文字'.repeat(40), '👨‍👩‍👧'.repeat(30)),
  );
  const statuses = fc.constantFrom('idle' as const, 'listening' as const, 'recovering' as const);
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 200 }),
      edits,
      statuses,
      fc.constantFrom('en' as const, 'zh-CN' as const),
      (columns, edit, status, language) => {
        expect(widthOf(line(columns, { edit, status }, language))).toBeLessThanOrEqual(columns);
      },
    ),
  );
});
