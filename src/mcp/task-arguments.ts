import { ExactNumber, stringifyExact } from '../core/exact-json.ts';
import type { ToolArguments } from './tool.ts';

const maxDepth = 64;
const maxCharacters = 65_536;

/**
 * The same text for the same arguments, whatever the order of their members; undefined when they are too deep or too long
 * to be kept with a task.
 */
export function canonicalArguments(args: ToolArguments): string | undefined {
  const ordered = inOrder(args, maxDepth);
  if (ordered === tooDeep) return undefined;
  const text = stringifyExact(ordered) ?? '';
  return text.length > maxCharacters ? undefined : text;
}

const tooDeep = Symbol('too deep');

function inOrder(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value;
  if (depth === 0) return tooDeep;
  if (Array.isArray(value)) {
    const items = value.map((item) => inOrder(item, depth - 1));
    return items.includes(tooDeep) ? tooDeep : items;
  }
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, inOrder(member, depth - 1)] as const);
  // fromEntries defines members, so "__proto__" stays data.
  return members.some(([, member]) => member === tooDeep) ? tooDeep : Object.fromEntries(members);
}
