import { parseExact } from '../../core/exact-json.ts';
import type { ToolOutput } from '../../mcp/tool.ts';

/** Bytes as text, or undefined when they are no text in this encoding. */
export function textOf(bytes: Uint8Array, encoding = 'utf-8'): string | undefined {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A JSON object or list is taken as such, everything else as text without the blanks around it. */
export function outputOf(text: string): ToolOutput {
  const trimmed = text.trim();
  if (!/^[{[]/.test(trimmed)) return { kind: 'text', text: trimmed };
  try {
    return { kind: 'json', value: parseExact(trimmed), source: trimmed };
  } catch {
    return { kind: 'text', text: trimmed };
  }
}

/** A value of a JSON answer: text stays text. */
export function outputOfValue(value: unknown): ToolOutput {
  if (typeof value === 'string') return { kind: 'text', text: value };
  return { kind: 'json', value: value === undefined ? null : value };
}
