import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasUnseen, printableText, wholeText, withUnseenShown } from '../../src/core/printable-text.ts';

test('text of any language passes unchanged', () => {
  for (const text of ['你好，我是小智。', 'Grüße, naïve café', '👩‍👩‍👧 🇨🇳 ☕️', 'नमस्ते', 'مرحبا']) {
    expect(printableText(text, 100)).toBe(text);
  }
});

test.each([
  ['clears the screen', '\u001b[2Jhello', 'hello'],
  ['colours', '\u001b[1;31mred\u001b[0m', 'red'],
  ['sets the title', '\u001b]0;owned\u0007hello', 'hello'],
  ['links', '\u001b]8;;http://evil\u001b\\click\u001b]8;;\u001b\\', 'click'],
  ['asks the terminal for an answer', 'a\u001b[6nb\u001bcc', 'abc'],
  ['uses the 8-bit form', 'a\u009b2Jb', 'ab'],
  ['ends in the middle of a sequence', 'hello\u001b[3', 'hello3'],
  ['goes back over itself', 'real\rfake\b\b', 'real fake'],
  ['has many lines', 'one\r\n\ttwo\u2028three', 'one two three'],
  ['reads backwards', 'abc\u202edef\u2066ghi', 'abcdefghi'],
  ['is half a character', 'a\ud83d', 'a\ufffd'],
])('a server text that %s is harmless', (_, text, shown) => {
  expect(printableText(text, 100)).toBe(shown);
});

test('a long text is cut with an ellipsis, never inside a character', () => {
  expect(printableText('😀😀😀😀😀', 3)).toBe('😀😀…');
  expect(printableText('x'.repeat(1_000_000), 10)).toBe('xxxxxxxxx…');
});

test('nothing that comes out can steer a terminal', () => {
  const hostile = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom(
        '\u001b',
        '\u001b[',
        '\u001b]',
        '\u009b',
        '2J',
        '\u0007',
        '\u001b\\',
        '\n',
        '\u202e',
        '\ud800',
      ),
    ),
  );
  fc.assert(
    fc.property(hostile, fc.integer({ min: 1, max: 50 }), (parts, max) => {
      const shown = printableText(parts.join(''), max);
      expect(shown).not.toMatch(/[\p{Cc}\p{Surrogate}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      expect(Array.from(shown).length).toBeLessThanOrEqual(max);
    }),
    { numRuns: 500 },
  );
});

test('whatever a model reads and nobody sees is shown', () => {
  const tags = [...'hi'].map((letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('');
  expect(withUnseenShown(`Adds.${tags}`)).toBe('Adds.\\u{e0068}\\u{e0069}');
  for (const hidden of [
    '\u202e',
    '\u200b',
    '\u2066',
    '\u00ad',
    '\ufeff',
    '\u{e0100}',
    '\u3164',
    '\u0007',
    '\u2028',
  ])
    expect(withUnseenShown(`a${hidden}b`)).toBe(`a\\u{${(hidden.codePointAt(0) ?? 0).toString(16)}}b`);
  expect(withUnseenShown('a\u200db\u200cc')).toBe('a\\u{200d}b\\u{200c}c');
  expect(withUnseenShown('x\ufe0f\ufe0f\ufe0e')).toBe('x\ufe0f\\u{fe0f}\\u{fe0e}');
});

test('text of any language is seen as it is', () => {
  for (const text of ['你好，我是小智。', 'Grüße\n\tnaïve', '👩‍👩‍👧 🇨🇳 ☕️ 👩🏽‍🚀', 'क्‍ष', 'می‌خواهم'])
    expect(hasUnseen(text)).toBe(false);
});

test('on a terminal it is one line, however long', () => {
  expect(wholeText(`a\nb\u001b[2J${'x'.repeat(20_000)}`)).toBe(`a\\nb\\u{1b}[2J${'x'.repeat(20_000)}`);
});
