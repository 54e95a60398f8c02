import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalArguments } from '../../src/mcp/task-arguments.ts';
import { firstCharacters, outputText, pageOf } from '../../src/mcp/task-text.ts';

/** Well-formed text: a lone surrogate has no UTF-8. */
const texts = fc.string({ unit: 'binary', maxLength: 200 });

test('pages read one after the other are the whole text, each within its limit', () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, maxBytes) => {
      let read = '';
      let offset: number | undefined = 0;
      while (offset !== undefined) {
        const page = pageOf(text, offset, maxBytes);
        expect(Buffer.byteLength(page.text)).toBeLessThanOrEqual(Math.max(4, maxBytes));
        expect(page.nextOffset ?? Number.POSITIVE_INFINITY).toBeGreaterThan(offset);
        read += page.text;
        offset = page.nextOffset;
      }
      expect(read).toBe(text);
    }),
  );
});

test('an offset inside a character means its beginning; beyond the end there is nothing', () => {
  expect(pageOf('a🎉b', 3, 4)).toEqual({ text: '🎉', offset: 1, nextOffset: 5, totalBytes: 6 });
  expect(pageOf('a🎉b', 3, 1)).toEqual({ text: '🎉', offset: 1, nextOffset: 5, totalBytes: 6 });
  expect(pageOf('ab', 99, 10)).toEqual({ text: '', offset: 2, totalBytes: 2 });
  expect(pageOf('ab', -5, 10)).toEqual({ text: 'ab', offset: 0, totalBytes: 2 });
});

test('a byte order mark inside a text is part of its page', () => {
  expect(pageOf('a\ufeffb', 1, 3).text).toBe('\ufeff');
});

test('the beginning of a text ends before a character that would be halved', () => {
  expect(firstCharacters('a🎉b', 2)).toBe('a');
  expect(firstCharacters('a🎉b', 3)).toBe('a🎉');
  expect(firstCharacters('ab', 2)).toBe('ab');
});

test('results as text', () => {
  expect(outputText({ kind: 'json', value: { a: 1 } })).toBe('{"a":1}');
  expect(outputText({ kind: 'json', value: undefined })).toBe('');
  expect(outputText({ kind: 'image', base64: 'AAAA', mimeType: 'image/jpeg' })).toBe('[image/jpeg, 3 bytes]');
});

test('arguments are the same in any order of their members, and different in any value', () => {
  expect(canonicalArguments({ b: [1, { d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[1,{"c":2,"d":1}]}');
  expect(canonicalArguments(JSON.parse('{"__proto__":{"x":1},"a":1}'))).toBe('{"__proto__":{"x":1},"a":1}');
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (args) => {
      const reversed = Object.fromEntries(Object.entries(args).reverse());
      expect(canonicalArguments(reversed)).toBe(canonicalArguments(args));
      const again = JSON.parse(canonicalArguments(args) ?? '');
      expect(again).toEqual(JSON.parse(JSON.stringify(args)));
    }),
  );
});
