import { hasUnseen } from './printable-text.ts';

/** Of a schema; deeper ones overflow whoever walks through them. */
const maxSchemaDepth = 200;
/** What a call must repeat letter by letter. */
const exactKeys = new Set(['enum', 'const', 'required', 'pattern']);

/**
 * Names and values that a call has to repeat must be what one sees. Iterative: what is nested too deep would overflow a
 * recursive walk, and `JSON.stringify` after it.
 */
export function isReadable(schema: object): boolean {
  const open: { readonly value: unknown; readonly depth: number; readonly isExact: boolean }[] = [
    { value: schema, depth: 0, isExact: false },
  ];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth, isExact } = next;
    if (depth > maxSchemaDepth) return false;
    if (typeof value === 'string' && isExact && hasUnseen(value)) return false;
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value) && hasUnseen(key)) return false;
      open.push({ value: inner, depth: depth + 1, isExact: isExact || exactKeys.has(key) });
    }
  }
  return true;
}

/** Whether a value, parsed from JSON, is nested so deep that walking through it is a risk. */
export function isTooDeep(value: unknown): boolean {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next.depth > maxSchemaDepth) return true;
    if (typeof next.value === 'object' && next.value !== null)
      for (const inner of Object.values(next.value)) open.push({ value: inner, depth: next.depth + 1 });
  }
  return false;
}
