import { lazyPart } from '../../core/lazy-part.ts';
import type { LazyTransliteration } from '../../ports/transliteration.ts';

const chinese = /[\u4e00-\u9fff]+/g;
const letterOrDigit = /[A-Za-z0-9]/;

/** Pinyin without tones. Its dictionary is some 300 KB, and few devices have use for it: loaded with the first name. */
export const loadPinyin: LazyTransliteration = lazyPart(async () => {
  const { pinyin } = await import('pinyin-pro');
  return (text) =>
    text.replace(chinese, (letters, at: number) => {
      const syllables = pinyin(letters, { toneType: 'none', type: 'array', v: true });
      const before = letterOrDigit.test(text[at - 1] ?? '') ? '_' : '';
      const after = letterOrDigit.test(text[at + letters.length] ?? '') ? '_' : '';
      return `${before}${syllables.join('_')}${after}`;
    });
});
