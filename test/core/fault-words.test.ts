import { expect, test } from 'vitest';
import * as z from 'zod';
import { faultWords } from '../../src/core/fault-words.ts';

const faultsOf = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value, { error: faultWords }).error?.issues.map(({ message }) => message);

test.each([
  [z.object({ a: z.string() }), {}, 'is missing; it must be text'],
  [z.string(), 7, 'must be text'],
  [z.string().min(1), '', 'must not be empty'],
  [z.string().min(2), 'a', 'must have at least 2 characters'],
  [z.array(z.string()).max(1), ['', ''], 'must have at most 1 entries'],
  [z.int(), 1.5, 'must be a whole number'],
  [z.number().min(1), 0, 'must be at least 1'],
  [z.number().gt(1), 1, 'must be above 1'],
  [z.number().max(1), 2, 'must be at most 1'],
  [z.number().lt(1), 1, 'must be below 1'],
  [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
  [z.enum(['a', 'b']), undefined, 'is missing; it must be one of a, b'],
  [z.literal('a'), 'b', 'must be "a"'],
  [z.record(z.string(), z.string()), [], 'must be an object'],
  [z.boolean(), null, 'must be true or false'],
  [z.union([z.string(), z.number()]), true, 'must be of another form'],
  [z.discriminatedUnion('type', [z.object({ type: z.literal('a') })]), {}, 'must have a kind: "a"'],
  [z.strictObject({}), { a: 1, b: 2 }, 'must have no "a", "b"'],
  [z.string().refine(() => false, 'must be so'), '', 'must be so'],
])('a person reads what a value must be: %#', (schema, value, words) => {
  expect(faultsOf(schema, value)).toEqual([words]);
});
