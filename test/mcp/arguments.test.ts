import { describe, expect, it } from 'vitest';
import { checkArguments } from '../../src/mcp/arguments.ts';
import { builtin } from '../../src/mcp/tools/builtin.ts';
import { tool } from '../support/mcp-parts.ts';

const done = () => Promise.resolve({ kind: 'text', text: '' } as const);
const device = builtin({
  name: 'x',
  description: '',
  properties: {
    on: { type: 'boolean' },
    level: { type: 'integer', minimum: 0, maximum: 100 },
    name: { type: 'string', default: 'none' },
    count: { type: 'integer', default: 3 },
  },
  required: ['on', 'level'],
  run: done,
});
const invalid = (message: unknown) => expect.objectContaining({ code: 'TOOL_ARGUMENTS_INVALID', message });

describe('arguments of built-in tools', () => {
  it('are those of the firmware: truncated, defaulted, without the unknown', () => {
    expect(checkArguments(device, { on: true, level: 70.9, name: 5, count: 'x', more: 1 })).toEqual({
      on: true,
      level: 70,
      name: 'none',
      count: 3,
    });
  });

  it('saturate to 32 bits', () => {
    expect(checkArguments(device, { on: true, level: 1, count: 1e20 })).toMatchObject({
      count: 2_147_483_647,
    });
    expect(checkArguments(device, { on: true, level: 1, count: -1e20 })).toMatchObject({
      count: -2_147_483_648,
    });
  });

  it.each([
    ['Missing valid argument: on', {}],
    ['Missing valid argument: on', { on: 1, level: 5 }],
    ['Missing valid argument: level', { on: true, level: '5' }],
    ['Value is below minimum allowed: 0', { on: true, level: -1 }],
    ['Value exceeds maximum allowed: 100', { on: true, level: 101 }],
  ])('are refused with "%s"', (message, args) => {
    expect(() => checkArguments(device, args)).toThrow(invalid(message));
  });
});

describe('arguments of configured tools', () => {
  const schema = {
    type: 'object',
    properties: {
      city: { type: 'string' },
      place: { type: 'object', properties: { lat: { type: 'number' } } },
    },
    required: ['city'],
    additionalProperties: false,
  } as const;
  const weather = tool({ name: 'weather', inputSchema: schema });

  it('pass unchanged when the schema allows them', () => {
    const args = { city: '北京', place: { lat: 2, other: null } };
    expect(checkArguments(weather, args)).toBe(args);
  });

  it.each([
    ['"city" is missing.', {}],
    ['"city" must be a text, not a number.', { city: 5 }],
    ['"place.lat" must be a number, not a text.', { city: 'a', place: { lat: 'x' } }],
    ['"extra" is not an argument of it.', { city: 'a', extra: 1 }],
  ])('are refused with "%s"', (fault, args) => {
    expect(() => checkArguments(weather, args)).toThrow(invalid(`Wrong arguments for weather: ${fault}`));
  });

  it.each([
    ['"a" must be a text or null, not a list.', { type: ['string', 'null'] }, []],
    ['"a" must be one of: "x",2.', { enum: ['x', 2] }, 'y'],
    ['"a" must be "x".', { const: 'x' }, 'y'],
    ['"a" is 0, which is too small (the bound is 1).', { minimum: 1 }, 0],
    ['"a" is 1, which is too small (the bound is 1).', { exclusiveMinimum: 1 }, 1],
    ['"a" is 9, which is too large (the bound is 5).', { maximum: 5 }, 9],
    ['"a" is 3, which is no multiple of 2.', { multipleOf: 2 }, 3],
    ['"a" has 1 characters and must have 2 at least.', { minLength: 2 }, 'x'],
    ['"a" has 3 characters and must have 2 at most.', { maxLength: 2 }, 'xxx'],
    ['"a" does not have the form that its schema asks for.', { pattern: '^\\d+$' }, 'x'],
    ['"a" has 2 items and must have 1 at most.', { maxItems: 1 }, [1, 2]],
    ['"a" holds the same item twice (items 0 and 1).', { uniqueItems: true }, [1, 1]],
    ['"a.1" must be a text, not a number.', { items: { type: 'string' } }, ['x', 1]],
    ['"a.b" is missing.', { required: ['b'] }, {}],
    [
      'what was given is not what the tool takes.',
      { additionalProperties: { type: 'string' } },
      { 'b; #/c: d': 1 },
    ],
    [
      '"a" has none of the forms that it may have.',
      { anyOf: [{ type: 'object', required: ['b'] }, { type: 'string' }] },
      5,
    ],
    ['"a" has a value that it must not have.', { not: { type: 'string' } }, 'x'],
    ['"a" does not hold the items that it must hold.', { contains: { type: 'string' } }, [1]],
  ])('are told of in words: %s', (fault, schema, a) => {
    const any = tool({ name: 'any', inputSchema: { type: 'object', properties: { a: schema } } });
    expect(() => checkArguments(any, { a })).toThrow(invalid(`Wrong arguments for any: ${fault}`));
  });

  it('are refused when they are huge or deep, without a stack overflow', () => {
    let deep: Record<string, unknown> = {};
    for (let i = 0; i < 200_000; i++) deep = { deep };
    expect(() => checkArguments(weather, deep)).toThrow(
      invalid('Arguments are nested deeper than 32 levels.'),
    );
    expect(() => checkArguments(weather, { city: 'x'.repeat(200_000) })).toThrow(
      invalid('Arguments are too large.'),
    );
    expect(() => checkArguments(weather, { list: new Array(20_000).fill(0) })).toThrow(
      invalid('Arguments are too large.'),
    );
  });
});

it('arguments that take too long to check against a schema of ours are refused, every time', () => {
  const own = tool({
    name: 'own',
    inputSchema: { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
  });
  for (let n = 0; n < 4; n++)
    expect(() => checkArguments(own, { a: `${'a'.repeat(40)}!` })).toThrow(
      invalid('The arguments for own take too long to check; give shorter ones.'),
    );
  expect(checkArguments(own, { a: 'aaa' })).toEqual({ a: 'aaa' });
});

describe('schemas of others', () => {
  const check = (inputSchema: object, args: Record<string, unknown>) =>
    checkArguments(
      tool({ name: 'foreign', source: 'mounted', inputSchema: { type: 'object', ...inputSchema } }),
      args,
    );
  const property = (schema: unknown) => ({ properties: { a: schema } });
  const refused = invalid(expect.stringContaining('Wrong arguments for foreign'));

  it.each([
    ['a reference to nowhere', property({ $ref: '#/nowhere' }), 'x'],
    ['a reference to another document', property({ $ref: 'https://example.org/f.json' }), 1],
    ['a reference in a circle', property({ $ref: '#/properties/a' }), 1],
    ['a reference below another base', property({ $id: 'https://x.example/', $ref: '#/properties/a' }), 1],
    ['an unknown dialect', { $schema: 'http://unknown.example/schema', ...property({}) }, 1],
    ['an expression that is none', property({ pattern: '(' }), 'x'],
    ['an expression of Python', property({ pattern: '^(?P<y>\\d{4})\\Z' }), '2026'],
    ['an expression with a flag inside', property({ pattern: '(?i)^[a-z]+$' }), 'ABC'],
    ['escapes that are none', property({ pattern: '^https\\:\\/\\/' }), 'https://a.org'],
    ['a name of its own for a type', property({ type: 'date' }), '2026-01-01'],
    ['any type', property({ type: 'any' }), 1],
    ['a type that is a schema', property({ type: ['string', { type: 'object' }] }), { b: 1 }],
    ['null where it is nullable', property({ type: 'string', nullable: true }), null],
    ['null where it is nullable and listed', property({ type: 'string', enum: ['x'], nullable: true }), null],
    ['a bound of draft-04', property({ minimum: 0, exclusiveMinimum: true }), 0.5],
    ['a requirement of draft-03', property({ type: 'string', required: true }), 'x'],
    ['a URL in Chinese', property({ type: 'string', format: 'uri' }), 'https://zh.wikipedia.org/wiki/北京'],
    ['a keyword that is nonsense', { ...property({ enum: 7, allOf: {}, minLength: 'x' }), required: 5 }, 'x'],
    ['not what is not known', property({ not: { pattern: '(?i)x' } }), 'a'],
    ['one of what is not known', property({ oneOf: [{ pattern: '(?i)a' }, { pattern: '(?i)b' }] }), 'a'],
    ['an expression, whatever it is', property({ pattern: '^\\d+$' }), 'x'],
    ['properties by an expression', { patternProperties: { '^a': { type: 'number' } } }, 'x'],
    [
      'properties by an expression that is none',
      { patternProperties: { '(?i)a': {} }, additionalProperties: false },
      1,
    ],
  ])('are left to the server where they hold %s', (_, schema, a) => {
    expect(check(schema, { a })).toEqual({ a });
  });

  it.each([
    ['beside an expression that is none', { properties: { a: { type: 'string', pattern: '(?i)x' } } }, 5],
    ['a bound of draft-04', property({ minimum: 0, exclusiveMinimum: true }), 0],
    ['null where it is not', property({ type: 'string' }), null],
    ['a list of items', property({ items: [{ type: 'string' }], additionalItems: false }), [1]],
    [
      'a reference that leads somewhere',
      { $defs: { s: { type: 'string' } }, ...property({ $ref: '#/$defs/s' }) },
      1,
    ],
    ['not what is known', property({ not: { type: 'string' } }), 'x'],
  ])('are judged all the same: %s', (_, schema, a) => {
    expect(() => check(schema, { a })).toThrow(refused);
  });

  it('never hold the device up', () => {
    const doubling: Record<string, unknown> = {};
    for (let level = 0; level < 25; level++)
      doubling[`d${level}`] = {
        allOf: [{ $ref: `#/$defs/d${level + 1}` }, { $ref: `#/$defs/d${level + 1}` }],
      };
    doubling.d25 = { type: 'string' };
    let deep: object = { type: 'string' };
    for (let level = 0; level < 5000; level++) deep = { properties: { a: deep } };
    const slow = [
      { $defs: doubling, ...property({ $ref: '#/$defs/d0' }) },
      property({ pattern: '^(a+)+$' }),
      { patternProperties: { '^(a+)+$': {} } },
      property(deep),
    ];
    const a = `${'a'.repeat(40)}!`;
    const longestMs = Math.max(
      ...slow.map((schema) => {
        const before = process.cpuUsage();
        expect(check(schema, { a, [a]: a })).toEqual({ a, [a]: a });
        return process.cpuUsage(before).user / 1000;
      }),
    );
    expect(longestMs).toBeLessThan(1000);
  });
});
