import { ClientError } from '../../core/errors.ts';
import { isSecretName, withoutSecrets } from '../../core/secrets.ts';

/** What a log line can hold: plain, finite, without secrets. */
export type SafeValue =
  | string
  | number
  | boolean
  | null
  | readonly SafeValue[]
  | { readonly [key: string]: SafeValue };

const maxDepth = 4;
const maxEntries = 32;
const maxNodes = 256;
const maxTextLength = 1000;
const maxStackLength = 3000;
const maxCauses = 5;
const hidden = '[hidden]';

/** A string for the log: bounded, and without the secrets that URLs, headers and JSON carry. */
export function safeText(text: string, maxLength = maxTextLength): string {
  const bounded = text.length > maxLength ? `${text.slice(0, maxLength)}… (${text.length} characters)` : text;
  return withoutSecrets(bounded, hidden);
}

/**
 * Any value as plain data of bounded depth, width and length. Whatever a hostile server's JSON or a strange object does
 * (cycles, getters that throw, a million keys), this returns.
 */
export function safeFields(fields: object): { readonly [key: string]: SafeValue } {
  const budget = { nodes: maxNodes };
  return safeObject(fields, 0, budget);
}

interface Budget {
  nodes: number;
}

function safeValue(value: unknown, depth: number, budget: Budget): SafeValue {
  budget.nodes -= 1;
  if (budget.nodes < 0) return '…';
  switch (typeof value) {
    case 'string':
      return safeText(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
    case 'symbol':
      return safeText(String(value));
    case 'function':
      return '<function>';
    case 'undefined':
      return null;
    case 'object':
      return value === null ? null : safeReference(value, depth, budget);
  }
}

function safeReference(value: object, depth: number, budget: Budget): SafeValue {
  try {
    if (value instanceof Error) return safeError(value);
    if (ArrayBuffer.isView(value)) return `<${value.constructor.name} ${value.byteLength} bytes>`;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof URL) return safeText(value.href);
    if (depth >= maxDepth) return Array.isArray(value) ? '<array>' : '<object>';
    if (Array.isArray(value)) return safeArray(value, depth, budget);
    if (value instanceof Map || value instanceof Set)
      return safeArray(take(value, maxEntries), depth, budget);
    return safeObject(value, depth, budget);
  } catch {
    return '<unreadable>';
  }
}

function safeArray(items: readonly unknown[], depth: number, budget: Budget): SafeValue {
  const kept = items.slice(0, maxEntries).map((item) => safeValue(item, depth + 1, budget));
  return items.length > maxEntries ? [...kept, `… (${items.length} items)`] : kept;
}

function safeObject(value: object, depth: number, budget: Budget): { readonly [key: string]: SafeValue } {
  // No prototype, so that a key called __proto__ is a key.
  const safe: Record<string, SafeValue> = Object.create(null);
  let entries = 0;
  // Not Object.entries: it would first copy however many keys there are.
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    entries += 1;
    if (entries > maxEntries || budget.nodes < 0) {
      safe['…'] = 'more fields left out';
      break;
    }
    const field = (value as Record<string, unknown>)[key];
    if (field === undefined) continue;
    safe[safeText(key, 100)] =
      isSecretName(key) && field !== null ? hidden : safeValue(field, depth + 1, budget);
  }
  return safe;
}

/** Code and message down the chain of causes; a stack only where a programming error is to be found by it. */
function safeError(error: Error): SafeValue {
  const causes: string[] = [];
  let cause: unknown = error.cause;
  while (cause !== undefined && cause !== null && causes.length < maxCauses) {
    causes.push(errorLine(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const code = codeOf(error);
  const expected = error instanceof ClientError;
  return {
    ...(code === undefined ? {} : { code }),
    message: safeText(error.message),
    ...(expected ? { retryable: error.retryable } : {}),
    ...(causes.length === 0 ? {} : { causes }),
    ...(expected || error.stack === undefined ? {} : { stack: safeText(error.stack, maxStackLength) }),
  };
}

function errorLine(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown === 'string' ? safeText(thrown) : `<${typeof thrown}>`;
  const code = codeOf(thrown);
  return code === undefined ? safeText(thrown.message) : `${code}: ${safeText(thrown.message)}`;
}

function codeOf(error: Error): string | undefined {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' || typeof code === 'number' ? safeText(String(code), 100) : undefined;
}

function take(items: Iterable<unknown>, count: number): unknown[] {
  const taken: unknown[] = [];
  for (const item of items) {
    if (taken.length === count) break;
    taken.push(item);
  }
  return taken;
}
