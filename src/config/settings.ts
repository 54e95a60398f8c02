import * as z from 'zod';
import { ConfigSchema } from './schema.ts';

/** One key of the configuration as the schema knows it. */
export interface Setting {
  /** Dotted, `audio.volumePercent`. */
  readonly path: string;
  readonly schema: z.ZodType;
  readonly description: string;
  readonly secret: boolean;
  /** False for the sections whose inside this schema does not know (`mcpServers` …). */
  readonly known: boolean;
}

let cached: readonly Setting[] | undefined;

/** All keys, in the order of the schema. */
export function allSettings(): readonly Setting[] {
  cached ??= [...settingsOf(ConfigSchema, '')];
  return cached;
}

export function findSetting(path: string): Setting | undefined {
  return allSettings().find((setting) => setting.path === path);
}

/** Does it hold settings itself? */
export function isGroup(path: string): boolean {
  return allSettings().some((setting) => setting.path.startsWith(`${path}.`));
}

function* settingsOf(object: z.ZodObject, prefix: string): Generator<Setting> {
  for (const [key, schema] of Object.entries(object.shape) as [string, z.ZodType][]) {
    const path = prefix + key;
    const inner = unwrap(schema);
    if (inner instanceof z.ZodObject) yield* settingsOf(inner, `${path}.`);
    else {
      const { description = '', writeOnly = false } = schema.meta() ?? {};
      yield {
        path,
        schema,
        description,
        secret: writeOnly === true,
        known: !(inner instanceof z.ZodUnknown),
      };
    }
  }
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return unwrap(schema.unwrap() as z.ZodType);
  return schema;
}

/** JSON Schema (draft 2020-12) of the configuration file, for editors. */
export function configJsonSchema(): unknown {
  const schema = z.toJSONSchema(ConfigSchema, { io: 'input' }) as { properties: Record<string, object> };
  const { server, ...rest } = schema.properties;
  const short = { type: 'string', description: 'Short for {"url": …}.' };
  return { ...schema, properties: { ...rest, server: { anyOf: [short, server] } } };
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** What a setting may be, in words: `a whole number from 0 to 100`. */
export function allowedValues(schema: z.ZodType): string {
  return inWords(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema);
}

function inWords({ type, enum: values, anyOf, minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  if (anyOf) return anyOf.map(inWords).join(' or ');
  if (values) return listed(values.map((value) => JSON.stringify(value)));
  if (type === 'boolean') return 'true or false';
  if (type === 'string') return 'text';
  if (type === 'array') return 'a list of texts';
  const range =
    minimum === undefined ? `above ${exclusiveMinimum}, at most ${maximum}` : `from ${minimum} to ${maximum}`;
  if (type === 'integer') return `a whole number ${range}`;
  return type === 'number' ? `a number ${range}` : 'anything';
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
