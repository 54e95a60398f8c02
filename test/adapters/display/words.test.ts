import { expect, test } from 'vitest';
import { languageOf, wordsFor } from '../../../src/adapters/display/words.ts';

test.each([
  [{ LANG: 'zh_CN.UTF-8' }, 'zh-CN'],
  [{ LANG: 'en_US.UTF-8', LC_ALL: 'zh_TW' }, 'zh-CN'],
  [{ LANG: 'zh_CN.UTF-8', LC_MESSAGES: 'C' }, 'en'],
  [{ LANG: '', LC_ALL: '' }, 'en'],
  [{}, 'en'],
])('the locale %j speaks %s', (env, language) => {
  expect(languageOf(env)).toBe(language);
});

test('every language has words for the same things', () => {
  const shape = (words: object) => Object.keys(words).sort();

  expect(shape(wordsFor('zh-CN'))).toEqual(shape(wordsFor('en')));
  expect(shape(wordsFor('zh-CN').states)).toEqual(shape(wordsFor('en').states));
});
