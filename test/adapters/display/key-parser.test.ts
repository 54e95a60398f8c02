import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createKeyParser, type Key } from '../../../src/adapters/display/key-parser.ts';

const esc = '\u001b';

function keysOf(...chunks: (string | Uint8Array)[]): Key[] {
  const keys: Key[] = [];
  const parser = createKeyParser((key) => keys.push(key));
  for (const chunk of chunks) parser.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  parser.flush();
  return keys;
}

/** Short form: characters as themselves, other keys by name. */
const brief = (keys: readonly Key[]) =>
  keys.map((key) => {
    if (key.kind === 'character') return key.character;
    if (key.kind === 'space') return `<space ${key.phase}>`;
    return key.kind === 'paste' ? `<paste ${key.text}>` : `<${key.kind}>`;
  });

test('letters of every script are characters, and space is a key of its own', () => {
  expect(brief(keysOf('m你 😀'))).toEqual(['m', '你', '<space tap>', '😀']);
});

test.each([
  ['\r', ['<enter>']],
  ['\n', ['<enter>']],
  ['\r\n', ['<enter>']],
  ['\r\r', ['<enter>', '<enter>']],
  ['\u007f\b', ['<backspace>', '<backspace>']],
  ['\u0003', ['<interrupt>']],
  ['\u0004', ['<end-of-input>']],
  [esc, ['<escape>']],
  [esc + esc, ['<escape>', '<escape>']],
  ['\u0001\u001a\t\u0085', []],
])('the control characters %j are %j', (bytes, keys) => {
  expect(brief(keysOf(bytes))).toEqual(keys);
});

test('arrows, function keys, Alt, answers of the terminal and unknown sequences are swallowed whole', () => {
  const sequences = [
    '[A',
    'OP',
    '[1;5C',
    '[3~',
    'x',
    '[?1;2c',
    ']11;rgb:0000/0000/0000\u0007',
    `]11;rgb${esc}\\`,
    `P>|tmux${esc}\\`,
    '[<0;1;1M',
  ];

  expect(brief(keysOf(sequences.map((sequence) => `${esc}${sequence}`).join('.')))).toEqual(
    '.........'.split(''),
  );
});

test('a lone Escape waits for what may follow, until told that nothing does', () => {
  const keys: Key[] = [];
  const parser = createKeyParser((key) => keys.push(key));
  parser.push(Buffer.from(esc));
  expect([parser.pending, keys]).toEqual([true, []]);
  parser.flush();
  expect([parser.pending, brief(keys)]).toEqual([false, ['<escape>']]);
  parser.push(Buffer.from('[A'));
  expect(brief(keys)).toEqual(['<escape>', '[', 'A']);
});

test('a paste is one piece, keys in it are not pressed, and it may be cut anywhere', () => {
  expect(brief(keysOf(`${esc}[200~q\nm${esc}`, '[2', '01~', 'x'))).toEqual(['<paste q\nm>', 'x']);
});

test('a paste without end is bounded, and Ctrl-C is still heard', () => {
  const long = keysOf(`${esc}[200~`, 'x'.repeat(1_000_000), `${esc}[201~`);
  expect(long.map((key) => key.kind === 'paste' && key.text.length)).toEqual([4096]);
  expect(brief(keysOf(`${esc}[200~abc\u0003`))).toEqual(['<interrupt>']);
});

test.each([
  ['?0u', ['<kitty-supported>']],
  ['32;1:1u', ['<space press>']],
  ['32;;32u', ['<space press>']],
  ['32;129:2u', ['<space repeat>']],
  ['32;1:3u', ['<space release>']],
  ['109;;109u', ['m']],
  ['109u', ['m']],
  ['109:77;2;77u', ['M']],
  ['109:77;2u', ['M']],
  ['61:43;2;43u', ['+']],
  ['57413;129;43u', ['+']],
  ['109;1:3u', []],
  ['13u', ['<enter>']],
  ['13;1:2u', []],
  ['57414u', ['<enter>']],
  ['127;1:2u', ['<backspace>']],
  ['27u', ['<escape>']],
  ['99;5u', ['<interrupt>']],
  ['100;5u', ['<end-of-input>']],
  ['97;5u', []],
  ['113;3u', []],
  ['57441;2u', []],
  ['0;;20320:22909u', ['<paste 你好>']],
  ['20320;;20320u', ['你']],
  ['99999999999;5u', []],
  ['u', []],
  [';;u', []],
])('the kitty protocol: CSI %s is %j', (sequence, keys) => {
  expect(brief(keysOf(`${esc}[${sequence}`))).toEqual(keys);
});

const hostile = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(
        `${esc}[`,
        `${esc}[200~`,
        `${esc}[201~`,
        '32;1:3u',
        `${esc}]`,
        'm',
        '你',
        ' ',
        '\r',
        `${esc}O`,
        esc,
      )
      .map((text) => Buffer.from(text)),
  ),
  { maxLength: 30 },
);

test('how the bytes are cut does not matter', () => {
  fc.assert(
    fc.property(hostile, fc.array(fc.nat(40)), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        chunks.push(bytes.subarray(at, at + cut));
        at += cut;
      }
      expect(keysOf(...chunks)).toEqual(keysOf(bytes));
    }),
    { numRuns: 300 },
  );
});

test('no input makes a character that could steer a terminal', () => {
  fc.assert(
    fc.property(hostile, (pieces) => {
      for (const key of keysOf(...pieces)) {
        if (key.kind === 'character') expect(key.character).toMatch(/^[^\p{Cc}\p{Surrogate}\ufffd ]$/u);
      }
    }),
    { numRuns: 300 },
  );
});
