import * as z from 'zod';
import { printableText } from '../core/printable-text.ts';
import { isReadable } from '../core/readable-schema.ts';
import { looksLikeToken } from '../core/token-like.ts';
import { defaultToolTimeoutMs } from '../core/tool-time-limits.ts';
import type { ToolDescription } from '../ports/tool-definition.ts';
import { isPlainObject, type PlainObject } from './layers.ts';
import { misspelt, nearest } from './suggest.ts';

const DAY_MS = 86_400_000;
/** Most tools of one section. */
export const maxTools = 1000;

export const text = z.string().min(1).max(10_000);
export const timeoutMs = z.int().min(1).max(DAY_MS);
export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, 'must be the name of a header');
export const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]{0,8192}$/, 'must be printable text');
export const headers = z.record(headerName, headerValue).default({});

/** Placeholders choose the resource, never the server. */
export const webUrl = (protocols: RegExp, what: string) =>
  text.refine((url) => {
    if (!URL.canParse(url) || !protocols.test(new URL(url).protocol)) return false;
    return !/^[^/]*\/\/[^/?#]*[{}]/.test(url);
  }, `must be ${what} URL without placeholders in the name of its host`);

export const httpMethod = z
  .string()
  .toUpperCase()
  .pipe(z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']));

const inputSchema = z
  .looseObject({
    type: z.literal('object').default('object'),
    properties: z.record(z.string(), z.union([z.looseObject({}), z.boolean()])).optional(),
    required: z.array(z.string()).optional(),
  })
  .refine(isReadable, 'must not be nested deeper than 200 levels, nor hold letters that nobody sees')
  .prefault({ properties: {} });

/** Chinese letters are those that servers keep in the name of a function (servers.md 1.10). */
export const toolName = z
  .string()
  .regex(/^[A-Za-z0-9_.\-\u4e00-\u9fff]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" and "-"');

/** The keys that every configured tool has, whatever runs it. */
export const descriptionKeys = {
  name: toolName,
  description: text,
  inputSchema,
  audience: z.enum(['model', 'user']).default('model'),
  mode: z.enum(['sync', 'async', 'background']).default('sync'),
  timeoutMs: timeoutMs.optional(),
  handoffMs: z.int().min(0).max(DAY_MS).default(6000),
  maxResultBytes: z.int().min(64).max(200_000).default(1024),
  idempotent: z.boolean().default(false),
  parallel: z.boolean().default(false),
};

type ParsedDescription = z.output<z.ZodObject<typeof descriptionKeys>>;

export function descriptionOf(tool: ParsedDescription): ToolDescription {
  return {
    name: tool.name,
    description: tool.description,
    inputSchema: tool.inputSchema,
    audience: tool.audience,
    mode: tool.mode,
    timeoutMs: tool.timeoutMs ?? defaultToolTimeoutMs[tool.mode],
    handoffMs: tool.handoffMs,
    maxResultBytes: tool.maxResultBytes,
    idempotent: tool.idempotent,
    parallel: tool.parallel,
  };
}

/** What of an entry is known, and a line for each key that is not. */
export interface KnownKeys {
  readonly keys: PlainObject;
  /** Keys that were meant to be known ones. */
  readonly faults: readonly string[];
  /** Keys of other programs: they cost nothing. */
  readonly warnings: readonly string[];
}

export interface OtherKeys {
  readonly silent?: ReadonlySet<string>;
  readonly lookalikes?: ReadonlySet<string>;
  readonly misplaced?: ReadonlySet<string>;
}

/**
 * Entries come from the configurations of other programs: what those keep in them is passed over with a warning, what looks like
 * a key of ours is a fault. `silent`: keys that nobody misses; `misplaced`: keys of ours that belong elsewhere; `lookalikes`: keys of others that are no misspelt ones of ours.
 */
export function knownKeys(
  entry: PlainObject,
  where: string,
  known: readonly string[],
  others: OtherKeys = {},
): KnownKeys {
  const keys: PlainObject = {};
  const faults: string[] = [];
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(entry)) {
    if (known.includes(key)) keys[key] = value;
    else if (!others.silent?.has(key)) {
      const meant = others.lookalikes?.has(key) ? undefined : misspelt(key, [...known, 'timeout']);
      const place = `${where}.${printableText(key, 64)}: unknown key`;
      if (others.misplaced?.has(key)) faults.push(place);
      else if (meant === undefined) warnings.push(`${place}, ignored`);
      else faults.push(`${place}, did you mean "${meant === 'timeout' ? 'timeoutMs' : meant}"?`);
    }
  }
  return { keys, faults, warnings };
}

/** `mcp.tools[3]` with the name of the tool behind it, for people who do not count. */
export function placeOf(raw: unknown, place: string): string {
  const name = isPlainObject(raw) ? raw.name : undefined;
  return typeof name === 'string' ? `${place} (${JSON.stringify(name.slice(0, 64))})` : place;
}

/** `timeout_ms` is `timeoutMs`; only the keys of the tool itself, not those of its schema, headers or environment. */
export function withCamelCase(raw: PlainObject, where: string) {
  const tool: PlainObject = {};
  const faults: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    const camel = key.trim().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(tool, camel)) faults.push(`${where}.${camel}: is given twice, in both spellings`);
    if (camel !== '__proto__') tool[camel] = value;
  }
  return { tool, faults };
}

/** Of the groups of settings that tools have, whatever runs them. */
const keysOfGroups: Readonly<Record<string, readonly string[]>> = {
  auth: ['type', 'token', 'username', 'password', 'name', 'value', 'apiKey', 'apiKeyHeader', 'apiKeyQuery'],
  responseMapping: ['successPath', 'errorPath', 'dataPath', 'template'],
};

const groupKeys = (path: readonly PropertyKey[]): readonly string[] =>
  keysOfGroups[String(path.at(-1))] ?? [];

/** One line per fault, values never shown; `keys` are those a wrong one may have been meant for. */
export function faultsOf(error: z.ZodError, where: string, keys: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    const path = [where, ...issue.path.map(String)].join('.');
    if (issue.code === 'invalid_key') {
      const place = [where, ...issue.path.slice(0, -1).map(String), beginningOf(String(issue.path.at(-1)))];
      return issue.issues.map(({ message }) => `${place.join('.')}: ${message}`);
    }
    if (issue.code !== 'unrecognized_keys') return [`${path}: ${issue.message}`];
    return issue.keys.map((key) => {
      const meant = nearest(key, issue.path.length === 0 ? keys : groupKeys(issue.path));
      return `${path}.${key}: unknown key${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
    });
  });
}

/** Of what is no name: it may be what belongs behind one, such as a whole header with its token. */
function beginningOf(text: string): string {
  const [word = ''] = /^[\w-]{0,40}/.exec(text) ?? [];
  return `${looksLikeToken(word) ? '' : word}…`;
}

/** What servers make of a name: they turn "." into "_", so such names are the same to the model. */
export const foldedName = (name: string): string => name.replaceAll('.', '_');
