import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientError } from '../../src/core/errors.ts';
import { contentOf, pictureBeside, rpcErrorOf, shortened, textOf } from '../../src/mcp/result.ts';
import { createResultShelf } from '../../src/mcp/result-shelf.ts';

const text = (value: string) => textOf({ kind: 'text', text: value });
const json = (value: unknown) => textOf({ kind: 'json', value });

describe('the text of a result', () => {
  it('is minified JSON without a top-level "action", which servers would execute', () => {
    expect(json({ action: 'RESPONSE', action_: 1, inner: { action: 2 } })).toBe(
      '{"action__":"RESPONSE","action_":1,"inner":{"action":2}}',
    );
    expect(json([{ action: 1 }])).toBe('[{"action":1}]');
    expect(json(undefined)).toBe('null');
  });

  it('is just as safe when a tool prints the JSON itself, however the key is spelt', () => {
    expect(text(' {"action": "NONE", "x": 1}')).toBe('{"action_":"NONE","x":1}');
    expect(text('{"\\u0061ction":1}')).toBe('{"action_":1}');
  });

  it('is left as it is otherwise, also when it is no JSON or meant for the server', () => {
    expect(text('{ "a" : 1 }')).toBe('{ "a" : 1 }');
    expect(text('{"action": unquoted}')).toBe('{"action": unquoted}');
    const verbatim = '{"action":"RESPONSE","response":"a cat"}';
    expect(textOf({ kind: 'text', text: verbatim, verbatim: true })).toBe(verbatim);
  });

  it('has at most 50 000 characters and no half ones', () => {
    const note = '…[only the beginning of 50001 characters was kept]';
    const beginning = 'x'.repeat(49_999 - note.length);
    expect(text(`${beginning}😀${'x'.repeat(note.length)}`)).toBe(`${beginning}${note}`);
    expect(text('a\ud800b')).toBe('a\ufffdb');
  });

  it('is an error that can be spoken when a value is no JSON', () => {
    expect(() => json({ big: 1n })).toThrow('The result of the tool cannot be written as JSON.');
  });
});

describe('a result without a visible character', () => {
  it.each(['', ' \r\n\t', '\u200b\ufeff', '\u0007'])('is said as done: %j', (nothing) => {
    expect([text(nothing), json(nothing)]).toEqual(['Done.', 'Done.']);
    const verbatim = { kind: 'text', text: nothing, verbatim: true } as const;
    expect(contentOf(verbatim, 1024, () => undefined)).toEqual([{ type: 'text', text: 'Done.' }]);
  });

  it('is none where there is something: zero, false, null, an empty list', () => {
    expect([0, false, null, []].map(json)).toEqual(['0', 'false', 'null', '[]']);
    expect(text('。')).toBe('。');
  });
});

describe('a shortened result', () => {
  it('is untouched within the limit and then keeps nothing', () => {
    expect(
      shortened('你好', 6, () => {
        throw new Error('asked');
      }),
    ).toBe('你好');
  });

  it('says how much there is and how to read on', () => {
    expect(shortened('é'.repeat(200), 120, () => ({ taskId: 'r1' }))).toBe(
      `${'é'.repeat(24)}…[48/400 bytes; more: self.tasks.read {"task_id":"r1","offset":48}]`,
    );
  });

  it('never exceeds the limit, cuts between characters, and continues where it says', () => {
    const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: 3000 });
    fc.assert(
      fc.property(anyText, fc.integer({ min: 4, max: 1500 }), (raw, maxBytes) => {
        const whole = text(raw) ?? '';
        const cut = shortened(whole, maxBytes, () => ({ taskId: 't12' }));
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
        expect(Buffer.from(cut).toString()).toBe(cut);
        const offset = /"offset":(\d+)\}\]$/.exec(cut)?.[1];
        if (offset !== undefined && cut !== whole) {
          const bytes = Buffer.from(whole).subarray(0, Number(offset)).toString();
          expect(cut.startsWith(`${bytes}…[`)).toBe(true);
        } else expect(whole.startsWith(cut)).toBe(true);
      }),
    );
  });
});

it('is one text block, or one image block', () => {
  const image = { kind: 'image', base64: 'AAAA', mimeType: 'image/png' } as const;
  expect(contentOf(image, 10, () => undefined)).toEqual([
    { type: 'image', data: 'AAAA', mimeType: 'image/png' },
  ]);
  expect(contentOf({ kind: 'json', value: { a: [1] } }, 100, () => undefined)).toEqual([
    { type: 'text', text: '{"a":[1]}' },
  ]);
});

it('tells of a picture that is longer than the tool may answer and than gateways take', () => {
  const picture = (length: number) =>
    ({ kind: 'image', base64: 'A'.repeat(length), mimeType: 'image/png' }) as const;
  const contentWithin = (maxBytes: number, length: number) =>
    contentOf(picture(length), maxBytes, () => undefined)[0];
  expect(contentWithin(1024, 6000)?.type).toBe('image');
  expect(contentWithin(1024, 100_000)).toEqual({
    type: 'text',
    text: 'Done; the result is a picture (image/png, 75 kB), too large to be passed on here.',
  });
  expect(contentWithin(100_000, 100_000)?.type).toBe('image');
});

it('turns errors into a number and one short line', () => {
  const failed = new ClientError('TOOL_FAILED', `first\nsecond \u001b[31m${'x'.repeat(500)}`);
  const { code, message } = rpcErrorOf(failed);
  expect(code).toBe(-32603);
  expect(message).toMatch(/^first second x+…$/);
  expect(message).toHaveLength(200);
  expect(rpcErrorOf(new ClientError('TOOL_UNKNOWN', 'Unknown tool: x'))).toEqual({
    code: -32601,
    message: 'Unknown tool: x',
  });
});

it('keeps the last results on the shelf', () => {
  const shelf = createResultShelf(2);
  const ids = ['a', 'b', 'c'].map((value) => shelf.put('tool', value));
  expect(ids.map((id) => shelf.get(id)?.text)).toEqual([undefined, 'b', 'c']);
});

it('is a text even where a picture came with it, which whoever gets results whole is given besides', () => {
  const picture = { base64: 'A'.repeat(100_000), mimeType: 'image/png' };
  const both = { kind: 'text', text: 'a cat', picture } as const;
  expect(contentOf(both, 1024, () => undefined)).toEqual([{ type: 'text', text: 'a cat' }]);
  expect(pictureBeside(both)).toEqual([{ type: 'image', data: picture.base64, mimeType: 'image/png' }]);
  expect(pictureBeside({ kind: 'text', text: 'a cat' })).toEqual([]);
});
