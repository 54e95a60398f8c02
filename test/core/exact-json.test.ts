import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ExactNumber,
  marked,
  markedIn,
  parseExact,
  stringifyExact,
  unkeptNumber,
  unmarked,
  withDoubles,
  withExactNumbers,
} from '../../src/core/exact-json.ts';

const odd = [
  '725653563933458433',
  '1.10',
  '1e400',
  '-0',
  '0.1000',
  '1E5',
  '12345678901234567890.5',
  '-9007199254740993',
];

describe('JSON with numbers of somebody else', () => {
  it.each(odd)('keeps their digits: %s', (digits) => {
    const text = `{"a":${digits},"b":[${digits},{"c":"${digits}"}],"d":1.5}`;
    expect(stringifyExact(parseExact(text))).toBe(text);
    expect(stringifyExact(parseExact(digits))).toBe(digits);
  });

  it('has plain numbers wherever a double prints the same', () => {
    expect(parseExact('{"a":[1,2.5,-3,0,9007199254740991]}')).toEqual({
      a: [1, 2.5, -3, 0, 9007199254740991],
    });
  });

  it('leaves what stands in texts and names alone', () => {
    const text = '{"1.10":"1.10 \\" 725653563933458433","n":1.10}';
    expect(stringifyExact(parseExact(text))).toBe(text);
    expect(Object.keys(parseExact(text) as object)).toEqual(['1.10', 'n']);
  });

  it('is JSON.parse and JSON.stringify for everything else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(stringifyExact(parseExact(text))).toBe(text);
        expect(withDoubles(parseExact(text))).toEqual(JSON.parse(text));
      }),
    );
    for (const text of ['', '{', '[1.10', '01.10', '1.10x', '{"a":1.10,}', '--1e5'])
      expect(() => parseExact(text)).toThrow(SyntaxError);
  });

  it('is done in linear time', () => {
    expect(parseExact(`[${'1.10,'.repeat(200_000)}1]`)).toHaveLength(200_001);
    expect(() => parseExact(`"${'\\"1.10'.repeat(200_000)}`)).toThrow(SyntaxError);
  });

  it('cannot be made to hold a number that was not there', () => {
    const text = JSON.stringify({ a: marked(new ExactNumber('1')), b: '\ue000abc:1' });
    expect(withExactNumbers(JSON.parse(text.replace('1', '7')))).toMatchObject({ b: '\ue000abc:1' });
  });
});

describe('an exact number', () => {
  it('knows whether a double holds it', () => {
    const kept = (text: string) => new ExactNumber(text).isKept;
    expect(['1.10', '1E5', '-0', '0.1000', '100e-2', '1.0'].map(kept)).toEqual(Array(6).fill(true));
    expect(['725653563933458433', '1e400', '9007199254740993', '0.1000000000000000055511'].map(kept)).toEqual(
      Array(4).fill(false),
    );
    expect(unkeptNumber(parseExact('{"a":[1.10,{"b":9007199254740993}]}'))?.text).toBe('9007199254740993');
    expect(unkeptNumber(parseExact('[1.10]'))).toBeUndefined();
  });

  it('is its digits as text to whoever does not know of it', () => {
    expect(JSON.stringify(parseExact('[1.10]'))).toBe('["1.10"]');
  });
});

it('only the member that is asked for gets marks in a message that others read', () => {
  const text =
    '{"id":1.0,"error":{"code":-3.2603e4},"data":{"id":1.10,"in":[{"n":-0}],"s":"}1.10"},"data2":1.10,"x":{"data":[1.10]}}';
  const read = JSON.parse(markedIn('data', text)) as { id: unknown; error: object };
  expect([read.id, read.error]).toEqual([1, { code: -32603 }]);
  expect(stringifyExact(withExactNumbers(read))).toBe(
    '{"id":1,"error":{"code":-32603},"data":{"id":1.10,"in":[{"n":-0}],"s":"}1.10"},"data2":1.1,"x":{"data":[1.10]}}',
  );
  expect(unmarked(JSON.stringify(marked(parseExact('{"n":1.10}'))))).toBe('{"n":1.10}');
});
