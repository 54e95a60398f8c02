import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChangeNotice } from '../../../src/adapters/mcp-client/change-notice.ts';
import { foreignResultOf } from '../../../src/adapters/mcp-client/foreign-result.ts';
import { listLimits, readToolList } from '../../../src/adapters/mcp-client/foreign-tools.ts';
import { createLineReader } from '../../../src/adapters/mcp-client/line-reader.ts';
import { createLogLines } from '../../../src/adapters/mcp-client/log-lines.ts';
import { plainComplaint } from '../../../src/adapters/mcp-client/plain-complaint.ts';
import { readWithinBudget } from '../../../src/adapters/mcp-client/read-budget.ts';
import { usableAnswer } from '../../../src/adapters/mcp-client/usable-answer.ts';
import { mountedOutput } from '../../../src/mcp/mounts/mounted-output.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe('a tool list', () => {
  const some = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        name: fc.oneof(fc.string(), fc.jsonValue()),
        description: fc.oneof(fc.string(), fc.jsonValue()),
        inputSchema: fc.oneof(
          fc.record({ type: fc.constant('object'), required: fc.jsonValue() }, { requiredKeys: [] }),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    ),
  );

  it('of anything gives only tools that can be used, each name once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(some), async (listed) => {
        const { tools } = await readToolList(() => Promise.resolve({ tools: listed }));
        const names = tools.map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        for (const { name, description, inputSchema } of tools) {
          expect(name.trim()).not.toBe('');
          expect(typeof description).toBe('string');
          expect(inputSchema.type).toBe('object');
          expect(inputSchema.required ?? []).toSatisfy((all: unknown[]) =>
            all.every((one) => typeof one === 'string'),
          );
        }
      }),
    );
  });

  it('that is none is a fault of the server', async () => {
    for (const page of [undefined, null, [], 'tools', {}, { tools: 'x' }])
      await expect(readToolList(() => Promise.resolve(page))).rejects.toThrow(TypeError);
  });

  it.each([
    ['null for none', { tools: null }, []],
    [
      'the list itself',
      { content: [{ name: 'a' }] },
      [{ name: 'a', inputSchema: { type: 'object', properties: {} } }],
    ],
    [
      'a schema under the names of others',
      {
        tools: [
          { name: 'a', input_schema: { properties: { x: {} } } },
          { name: 'b', parameters: { properties: { y: {} } } },
        ],
      },
      [{ inputSchema: { properties: { x: {} } } }, { inputSchema: { properties: { y: {} } } }],
    ],
    [
      'a schema as text',
      { tools: [{ name: 'a', inputSchema: '{"required":["x"]}' }] },
      [{ inputSchema: { required: ['x'] } }],
    ],
    [
      'what is no schema',
      {
        tools: [
          { name: 'a', inputSchema: [] },
          { name: 'b', inputSchema: { type: ['object', 'null'], properties: [] } },
        ],
      },
      [
        { inputSchema: { type: 'object', properties: {} } },
        { inputSchema: { type: 'object', properties: {} } },
      ],
    ],
  ])('is read where it holds %s', async (_, page, tools) => {
    expect(await readToolList(() => Promise.resolve(page))).toMatchObject({ tools, faults: [] });
  });

  it('goes on behind a cursor that is a number', async () => {
    const list = await readToolList((cursor) =>
      Promise.resolve(
        cursor === '1' ? { tools: [{ name: 'b' }] } : { tools: [{ name: 'a' }], nextCursor: 1 },
      ),
    );
    expect(list.tools.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('ends where its cursors lead back', async () => {
    const pages: Record<string, unknown> = {
      '': { tools: [], nextCursor: 'a' },
      a: { tools: [], nextCursor: 'b' },
      b: { tools: [], nextCursor: 'a' },
    };
    const read: (string | undefined)[] = [];
    const list = await readToolList((cursor) => {
      read.push(cursor);
      return Promise.resolve(pages[cursor ?? '']);
    });
    expect(read).toEqual([undefined, 'a', 'b']);
    expect(list.faults).toEqual([
      'The pages of the list lead back to one that was read already; reading ended there.',
    ]);
  });

  it('ends at its bounds of tools and of bytes', async () => {
    const endless = (description: string) => {
      let n = 0;
      return () => {
        n += 1;
        const tools = [0, 1].map((each) => ({ name: `t${n}-${each}`, description }));
        return Promise.resolve({ tools, nextCursor: String(n) });
      };
    };
    const few = await readToolList(endless(''), { ...listLimits, maxTools: 3 });
    expect(few.tools).toHaveLength(3);
    expect(few.faults).toEqual(['The list goes on after 3 tools; the rest is left out.']);
    const small = await readToolList(endless('x'.repeat(400)), { ...listLimits, maxBytes: 1000 });
    expect(small.tools).toHaveLength(2);
    expect(small.faults).toEqual(['The list goes on after 1000 bytes; the rest is left out.']);
    const exact = await readToolList(() => Promise.resolve({ tools: [{ name: 'a' }] }), {
      ...listLimits,
      maxTools: 1,
    });
    expect(exact.faults).toEqual([]);
  });

  it('cuts a description that is a book, and counts faults without an end', async () => {
    const tools = [
      { name: 'book', description: '😀'.repeat(5000) },
      ...Array.from({ length: 50 }, () => null),
    ];
    const { tools: kept, faults } = await readToolList(() => Promise.resolve({ tools }));
    expect(kept[0]?.description).toHaveLength(4096);
    expect(faults).toHaveLength(21);
    expect(faults.at(-1)).toBe('There are 31 more faults like these.');
  });
});

it('the result of a call is read from anything', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (answer) => {
      const { content, isError } = foreignResultOf(answer);
      expect(Array.isArray(content)).toBe(true);
      expect(typeof isError).toBe('boolean');
    }),
  );
});

describe('what other servers answer', () => {
  const output = (answer: unknown) => mountedOutput(foreignResultOf(answer));
  const text = (value: string) => ({ kind: 'text', text: value });

  it.each([
    [{ content: 'Hello, World!', isError: false }, 'Hello, World!'],
    [{ content: { type: 'text', text: 'one block' } }, 'one block'],
    [{ content: ['a', { text: 'b' }, { type: 'markdown', text: 'c' }] }, 'a\nb\nc'],
    [
      {
        content: [
          { type: 'text', text: 42 },
          { type: 'text', text: true },
        ],
      },
      '42\ntrue',
    ],
    [{ content: [{ type: 'text', text: { a: 1 } }] }, '{"a":1}'],
    [{ toolResult: { content: [{ type: 'text', text: 'inside' }] } }, 'inside'],
    [{ toolResult: 'plain' }, 'plain'],
    ['plain', 'plain'],
  ])('is read: %j', (answer, words) => {
    expect(output(answer)).toEqual(text(words));
  });

  it.each([
    [{ toolResult: { city: 'Rome' } }, { city: 'Rome' }],
    [{ output: 7, _meta: {} }, { output: 7 }],
  ])('is data where it is no text: %j', (answer, value) => {
    expect(output(answer)).toEqual({ kind: 'json', value });
  });

  it.each([
    [{ content: [{ type: 'error', text: 'Invalid number' }] }, 'Invalid number'],
    [{ content: [{ type: 'error', message: 'No such city' }] }, 'No such city'],
    [{ toolResult: { content: 'Broken' }, isError: true }, 'Broken'],
    [{ content: [], isError: 'true' }, 'The tool says that it failed, but not why.'],
    [
      { content: [{ type: 'text', text: null }] },
      'The tool answered with something (text) that cannot be read, so it is not known whether it worked.',
    ],
    [
      { content: [{ type: 'image', data: 'not base64!', mimeType: 'image/png' }] },
      'The tool answered with something (image) that cannot be read, so it is not known whether it worked.',
    ],
    [
      { content: [{ type: 'hologram', data: 1 }] },
      'The tool answered with something (hologram) that cannot be read, so it is not known whether it worked.',
    ],
  ])('is a failure, and never said as done: %j', (answer, words) => {
    expect(() => output(answer)).toThrow(words);
  });

  it('is a picture in plain base64, whatever it came as', () => {
    const picture = (data: string, mimeType: unknown = 'image/png') =>
      output({ content: [{ type: 'image', data, mimeType }] });
    const expected = { kind: 'image', base64: 'iVBORw0KGgo=', mimeType: 'image/png' };
    expect(picture('data:image/png;base64,iVBORw0KGgo=', 'image/jpeg')).toEqual(expected);
    expect(picture('data:image/png;charset=x;base64,iVBORw0KGgo=', undefined)).toEqual(expected);
    expect(picture('data:;base64,iVBO\r\nRw0KGgo')).toEqual(expected);
    expect(picture('-_-_')).toEqual({ ...expected, base64: '+/+/' });
  });

  it('that is no object at all becomes one for the protocol client', () => {
    const answer = (result: unknown) => usableAnswer({ jsonrpc: '2.0', id: 1, result } as never);
    expect(answer('text')).toEqual({ jsonrpc: '2.0', id: 1, result: { content: 'text' } });
    expect(answer(null)).toMatchObject({ error: { message: 'its answer has no result' } });
  });
});

describe('a line reader', () => {
  const read = (chunks: readonly Buffer[], maxBytes: number) => {
    const lines: [string, boolean][] = [];
    const take = createLineReader({ maxBytes, onLine: (line, isCut) => void lines.push([line, isCut]) });
    for (const chunk of chunks) take(chunk);
    return lines;
  };

  it('finds the same lines however the stream was cut', () => {
    const text = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, '')));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const at = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = at.map((end, n) => bytes.subarray(at[n - 1] ?? 0, end));
        expect(read(chunks, 10_000)).toEqual(lines.map((line) => [line, false]));
      }),
    );
  });

  it('cuts what is too long at once, passes over its rest and goes on', () => {
    const chunks = ['abc', 'defg', 'hi', 'j\nok\r\n', '1234\n', '12345\nend\n'].map((each) =>
      Buffer.from(each),
    );
    expect(read(chunks.slice(0, 2), 4)).toEqual([['abcd', true]]);
    expect(read(chunks, 4)).toEqual([
      ['abcd', true],
      ['ok', false],
      ['1234', false],
      ['1234', true],
      ['end', false],
    ]);
  });
});

it('a change is told at once, and those of a second once at its end', () => {
  const clock = new FakeClock();
  const told: number[] = [];
  const notice = createChangeNotice(clock, 1000, () => told.push(clock.now()));
  for (let n = 0; n < 250; n++) {
    notice.changed();
    clock.advance(10);
  }
  expect(told).toEqual([0, 1000, 2000]);
  clock.advance(5000);
  expect(told).toEqual([0, 1000, 2000, 3000]);
  notice.changed();
  notice.changed();
  notice.stop();
  clock.advance(5000);
  notice.changed();
  expect(told).toEqual([0, 1000, 2000, 3000, 8000 - 500]);
  expect(clock.pendingTimers).toBe(0);
});

it('a log passes fifty lines a second and counts the others', () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogLines(clock, (line) => lines.push(line));
  for (let n = 0; n < 70; n++) log(`${n}`);
  clock.advance(1000);
  log('after');
  expect(lines).toHaveLength(52);
  expect(lines.slice(49)).toEqual(['49', '(20 lines left out)', 'after']);
});

const turn = () => new Promise(setImmediate);

it('a budget pauses the stream until its window is over, and never after it was released', async () => {
  const clock = new FakeClock();
  const stream = new PassThrough();
  let read = 0;
  const budget = readWithinBudget(stream, {
    clock,
    unitsPerWindow: 10,
    windowMs: 100,
    take: ({ length }) => {
      read += length;
      return length;
    },
  });
  const write = async (bytes: number) => {
    stream.write('x'.repeat(bytes));
    await turn();
  };
  await write(10);
  expect(stream.isPaused()).toBe(false);
  clock.advance(40);
  await write(1);
  expect(stream.isPaused()).toBe(true);
  clock.advance(59);
  expect(stream.isPaused()).toBe(true);
  clock.advance(1);
  expect(stream.isPaused()).toBe(false);
  await write(11);
  expect(stream.isPaused()).toBe(true);
  budget.release();
  await write(11);
  expect([stream.isPaused(), clock.pendingTimers, read]).toEqual([false, 0, 33]);
});

it('a chunk of many lines is taken in turns, in order and to its end', async () => {
  const stream = new PassThrough();
  const pieces: string[] = [];
  readWithinBudget(stream, {
    clock: new FakeClock(),
    unitsPerWindow: 1e9,
    windowMs: 100,
    take: (piece) => pieces.push(piece.toString()),
  });
  let hasEnded = false;
  stream.on('end', () => {
    hasEnded = true;
  });
  const text = `${Array.from({ length: 1000 }, (_, n) => n).join('\n')} and no end`;
  stream.end(text);
  while (!hasEnded) await turn();
  expect(pieces.join('')).toBe(text);
  expect(Math.max(...pieces.map((piece) => piece.split('\n').length - 1))).toBe(64);
});

describe('what a foreign tool says of itself', () => {
  const listed = async (...tools: object[]) => await readToolList(() => Promise.resolve({ tools }));

  it('holds no letter that nobody sees', async () => {
    const inputSchema = { type: 'object', properties: { a: { description: 'b\u202ec' } } };
    const { tools, faults } = await listed({ name: 'x', description: 'Adds.\u{e0041}', inputSchema });
    expect(tools).toEqual([
      {
        name: 'x',
        description: 'Adds.\\u{e0041}',
        inputSchema: { type: 'object', properties: { a: { description: 'b\\u{202e}c' } } },
      },
    ]);
    expect(faults).toEqual(['The description of the tool x holds letters that nobody sees; they are shown.']);
  });

  it('costs the tool where a call would have to repeat such a letter, or nobody could walk through it', async () => {
    let deep: object = {};
    for (let level = 0; level < 5000; level++) deep = { properties: { a: deep } };
    const { tools, faults } = await listed(
      { name: 'key', inputSchema: { type: 'object', properties: { 'a\u200b': {} } } },
      { name: 'value', inputSchema: { type: 'object', properties: { a: { enum: ['b\u2066'] } } } },
      { name: 'deep', inputSchema: { type: 'object', properties: { a: deep } } },
      { name: 'good', inputSchema: { type: 'object' } },
    );
    expect(tools.map(({ name }) => name)).toEqual(['good']);
    expect(faults).toHaveLength(3);
  });
});

const zod = `[
  { "code": "invalid_type", "expected": "string", "received": "undefined", "path": ["place", "city"], "message": "Required" },
  { "code": "too_big", "path": [], "message": "Too many" }
]`;

describe('what a server complains of', () => {
  it.each([
    [
      `MCP error -32602: Invalid arguments for tool echo: ${zod}`,
      'MCP error -32602: Invalid arguments for tool echo: place.city: Required; Too many',
    ],
    ['[{"instancePath":"/city","keyword":"type","message":"must be string"}]', 'city: must be string'],
    [
      "1 validation error for call[echo]\ncity\n  Missing required argument [type=missing_argument, input_value={'a': 1}, input_type=dict]\n    For further information visit https://errors.pydantic.dev/2.11/v/missing_argument",
      '1 validation error for call[echo] city Missing required argument',
    ],
    ['no [{"such":"list"}]', 'no [{"such":"list"}]'],
    ['[{ broken', '[{ broken'],
    ['plain words\nin two lines', 'plain words\nin two lines'],
  ])('is told without the notation of its validator: %s', (said, told) => {
    expect(plainComplaint(said)).toBe(told);
  });

  it('is that in a failed result, and in the data of an error without a message', () => {
    expect(foreignResultOf({ isError: true, content: [{ type: 'text', text: zod }] })).toEqual({
      content: [{ type: 'text', text: 'place.city: Required; Too many' }],
      isError: true,
    });
    expect(
      usableAnswer({ jsonrpc: '2.0', id: 1, error: { code: -1, data: { detail: 'no' } } } as never),
    ).toMatchObject({
      error: { code: -1, message: 'no' },
    });
  });
});
