import { parseExact } from '../../core/exact-json.ts';
import type { ToolOutput } from '../../mcp/tool.ts';

/** More zero bytes than this share are no text with a slip in it. */
const maxZeroShare = 0.05;

/**
 * Bytes as text: in the encoding that somebody says, else as UTF-8, else in GB18030 where the locale of the device says that
 * programs speak it; what does not decode becomes U+FFFD. Undefined for what is full of zero bytes: that is no text.
 */
export function textOf(
  bytes: Uint8Array,
  { encoding, env = {} }: { readonly encoding?: string | undefined; readonly env?: Environment } = {},
): string | undefined {
  const text = decoded(bytes, encoding, env);
  if (!text.includes('\0')) return text;
  const zeros = bytes.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  return zeros / bytes.length > maxZeroShare ? undefined : text.replaceAll('\0', '\ufffd');
}

type Environment = Readonly<Record<string, string | undefined>>;

function decoded(bytes: Uint8Array, encoding: string | undefined, env: Environment): string {
  const strict = cleanText(bytes, encoding ?? 'utf-8');
  if (strict !== undefined) return strict;
  const local = encoding === undefined && speaksGb(env) ? cleanText(bytes, 'gb18030') : undefined;
  return local ?? new TextDecoder(isKnown(encoding) ? encoding : 'utf-8').decode(bytes);
}

function cleanText(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isKnown(encoding: string | undefined): encoding is string {
  try {
    return encoding !== undefined && new TextDecoder(encoding).encoding !== '';
  } catch {
    return false;
  }
}

/** `zh_CN.GB18030`, `zh_CN.GBK`, `zh_CN` (GB2312 without a name of an encoding). */
function speaksGb({ LC_ALL, LC_CTYPE, LANG }: Environment): boolean {
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  return /\.?gb(18030|k|2312)/i.test(locale) || /^zh_(CN|SG)$/i.test(locale);
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
