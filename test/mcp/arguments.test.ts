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
const invalid = (message: string) => expect.objectContaining({ code: 'TOOL_ARGUMENTS_INVALID', message });

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
    ['Instance does not have required property "city".', {}],
    ['city: Instance type "number" is invalid. Expected "string".', { city: 5 }],
    ['place.lat: Instance type "string" is invalid. Expected "number".', { city: 'a', place: { lat: 'x' } }],
    ['extra is not an argument of it.', { city: 'a', extra: 1 }],
  ])('are refused with "%s"', (fault, args) => {
    expect(() => checkArguments(weather, args)).toThrow(invalid(`Wrong arguments for weather: ${fault}`));
  });

  it.each([
    { type: 'object', properties: { a: { $ref: '#/nowhere' } } },
    { type: 'object', properties: { a: { pattern: '(' } } },
    { type: 'object', $schema: 'http://unknown.example/schema' },
  ] as const)('are refused when the schema itself is wrong: %j', (inputSchema) => {
    expect(() => checkArguments(tool({ name: 'broken', inputSchema }), { a: 'x' })).toThrow(
      invalid(
        'The input schema of broken is wrong, so it cannot be called; correct it in the configuration.',
      ),
    );
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
