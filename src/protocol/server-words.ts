import { printableText } from '../core/printable-text.ts';

const maxQuotedCharacters = 200;
/** Where servers put what they have to say, in the order in which it is worth reading. */
const members = [
  'message',
  'msg',
  'error',
  'errors',
  'error_description',
  'errmsg',
  'errMsg',
  'errorMessage',
  'reason',
  'detail',
  'description',
  'text',
] as const;

/**
 * The words for people in a server's complaint, fit to be shown; a bare `code` where there are none. Empty when it says
 * nothing.
 */
export function serverWords(complaint: Readonly<Record<string, unknown>>): string {
  const said = wordsIn(complaint) ?? numberIn(complaint);
  return said === undefined ? '' : printableText(said, maxQuotedCharacters).trim();
}

/** The same of a body or a frame that may be JSON, plain text, or a page for browsers, which says nothing here. */
export function wordsOfText(raw: string): string {
  const text = raw.trim();
  if (text.startsWith('<')) return '';
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return serverWords(value);
    return typeof value === 'string' ? printableText(value, maxQuotedCharacters) : '';
  } catch {
    return printableText(text, maxQuotedCharacters);
  }
}

function wordsIn(complaint: Readonly<Record<string, unknown>>, depth = 0): string | undefined {
  for (const name of members) {
    const value = complaint[name];
    if (typeof value === 'string' && value.trim() !== '') return value;
    // Several complaints come as a list: the first says enough.
    const one: unknown = Array.isArray(value) ? value[0] : value;
    if (Array.isArray(value) && typeof one === 'string' && one.trim() !== '') return one;
    const inner = isObject(one) && depth === 0 ? wordsIn(one, 1) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function numberIn({ code }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof code === 'number' || (typeof code === 'string' && code !== '') ? `code ${code}` : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
