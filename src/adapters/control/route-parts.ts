import { z } from '@hono/zod-openapi';
import { Failure } from './schemas.ts';

/** An answer of 200; every other is a failure. */
export function answers<Schema extends z.ZodType>(schema: Schema, description: string) {
  return {
    200: { description, content: { 'application/json': { schema } } },
    default: { description: 'Refused or failed', content: { 'application/json': { schema: Failure } } },
  };
}

export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: true as const, content: { 'application/json': { schema } } },
});

/** Without one the route says what is missing. */
export const optionalJsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  body: { required: false as const, content: { 'application/json': { schema } } },
});

export const byName = { params: z.object({ name: z.string().min(1).max(200) }) };
export const byId = {
  params: z.object({ id: z.string().regex(/^t\d{1,15}$/, 'must be the id of a task, t1') }),
};
