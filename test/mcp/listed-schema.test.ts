import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listedSchema } from '../../src/mcp/listed-schema.ts';
import type { ToolInputSchema } from '../../src/mcp/tool.ts';

const listed = (schema: object) => listedSchema({ type: 'object', ...schema } as ToolInputSchema);
const size = (value: unknown) => JSON.stringify(value).length;

describe('a schema in a list', () => {
  it('has local references replaced by what they mean, because servers drop $defs', () => {
    const schema = {
      properties: {
        from: { $ref: '#/$defs/place', description: 'Where it begins.' },
        via: { type: 'array', items: { $ref: '#/$defs/place' } },
        unit: { anyOf: [{ $ref: '#/definitions/unit' }, { type: 'null' }] },
      },
      required: ['from'],
      $defs: {
        place: { type: 'object', description: 'A place.', properties: { city: { $ref: '#/$defs/a~1b' } } },
        'a/b': { type: 'string', maxLength: 9 },
      },
      definitions: { unit: { enum: ['c', 'f'] } },
    };
    const place = { type: 'object', properties: { city: { type: 'string', maxLength: 9 } } };
    expect(listed(schema)).toEqual({
      type: 'object',
      properties: {
        from: { ...place, description: 'Where it begins.' },
        via: { type: 'array', items: { ...place, description: 'A place.' } },
        unit: { anyOf: [{ enum: ['c', 'f'] }, { type: 'null' }] },
      },
      required: ['from'],
    });
  });

  it('that needs nothing stays the very same, whatever its properties are called', () => {
    const plain = {
      type: 'object',
      properties: { $ref: { type: 'string', default: { $ref: '#/x' } }, f: { $ref: 'https://e.org/f.json' } },
      $defs: { unused: {} },
    } as const;
    expect(listedSchema(plain)).toBe(plain);
  });

  it('keeps its definitions where a reference points nowhere', () => {
    const schema = {
      properties: { a: { $ref: '#/$defs/a' }, b: { $ref: '#b' } },
      $defs: { a: { type: 'string' } },
    };
    expect(listed(schema)).toEqual({
      type: 'object',
      properties: { a: { type: 'string' }, b: { $ref: '#b' } },
      $defs: { a: { type: 'string' } },
    });
  });

  it('says only the kind of what holds itself', () => {
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/node' }, root: { $ref: '#' } } };
    expect(listed({ properties: { list: { $ref: '#/$defs/node' } }, $defs: { node } })).toEqual({
      type: 'object',
      properties: {
        list: { type: 'object', properties: { next: { type: 'object' }, root: { type: 'object' } } },
      },
    });
  });

  it('does not explode: what is referred to twice on each of 25 levels stays small, and is done at once', () => {
    const $defs: Record<string, unknown> = { l25: { type: 'string' } };
    for (let n = 0; n < 25; n += 1)
      $defs[`l${n}`] = { allOf: [{ $ref: `#/$defs/l${n + 1}` }, { $ref: `#/$defs/l${n + 1}` }] };
    const result = listed({ properties: { a: { $ref: '#/$defs/l0' } }, $defs });
    expect(size(result)).toBeLessThan(8000);
    expect(JSON.stringify(result)).not.toContain('$ref');
  });

  it('is passed on where it is deeper than anybody means', () => {
    let deep: object = { $ref: '#/$defs/a' };
    for (let n = 0; n < 2000; n += 1) deep = { not: deep };
    expect(() => listed({ not: deep, $defs: { a: {} } })).not.toThrow();
  });

  it('measures a long definition once, however many refer to it', () => {
    const long = { type: 'string', enum: Array.from({ length: 50_000 }, (_, n) => `value ${n}`) };
    const properties = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, n) => [`p${n}`, { $ref: '#/$defs/long' }]),
    );
    expect(listed({ properties, $defs: { long } }).properties).toMatchObject({ p7: { type: 'string' } });
  });

  it('whatever refers to what, the result is small and refers to nothing that was there', () => {
    const names = ['a', 'b', 'c', 'd'];
    const reference = fc.constantFrom(...names).map((name) => ({ $ref: `#/$defs/${name}` }));
    const node = fc.letrec<{ node: object }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 3 },
        fc.constant({ type: 'integer' }),
        reference,
        fc.record({ anyOf: fc.array(tie('node'), { maxLength: 4 }) }),
        fc.record({ properties: fc.dictionary(fc.constantFrom('x', 'y', 'z'), tie('node')) }),
      ),
    })).node;
    const $defs = fc.record({ a: node, b: node, c: node, d: node });
    fc.assert(
      fc.property(node, $defs, (own, defs) => {
        const result = listed({ properties: { own }, $defs: defs });
        if (JSON.stringify(own).includes('$ref')) expect(JSON.stringify(result)).not.toContain('$ref');
        expect(size(result)).toBeLessThan(9000);
      }),
    );
  });
});
