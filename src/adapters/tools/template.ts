import { stringifyExact } from '../../core/exact-json.ts';
import type { ToolArguments } from '../../mcp/tool.ts';

/** A call's argument as text: words stay words, everything else is JSON. Undefined when it was not given. */
export function argumentText(args: ToolArguments, name: string): string | undefined {
  const value = Object.hasOwn(args, name) ? args[name] : undefined;
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : stringifyExact(value);
}

/** The arguments of a command line, or the name of the argument that cannot stand there and why. */
export type FilledArguments =
  | { readonly words: readonly string[] }
  | { readonly name: string; readonly fault: 'option' | 'nul' };

/**
 * Puts arguments of the call in the place of `{{name}}`. Each template gives one word, whatever the value holds, or none
 * when a value it names was not given. A word that begins with a value must not look like an option unless `--` came
 * before it; negative numbers may.
 */
export function fillArguments(
  templates: readonly string[],
  args: ToolArguments,
  optionsEnded: boolean,
): FilledArguments {
  const words: string[] = [];
  let ended = optionsEnded;
  for (const template of templates) {
    const names = [...template.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name);
    const [first = ''] = names;
    if (names.some((name) => argumentText(args, name) === undefined)) continue;
    const word = template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => argumentText(args, name) ?? '');
    if (word.includes('\0')) return { name: first, fault: 'nul' };
    const option = word.startsWith('-') && template.startsWith('{{') && !/^-[\d.]+$/.test(word);
    if (option && !ended) return { name: first, fault: 'option' };
    ended ||= template === '--';
    words.push(word);
  }
  return { words };
}

export type FilledUrl =
  | { readonly url: string; readonly used: ReadonlySet<string> }
  | { readonly name: string; readonly fault: 'missing' | 'path' };

/** Puts arguments of the call, percent-encoded, in the place of `{name}`; they cannot leave their path segment. */
export function fillUrl(template: string, args: ToolArguments): FilledUrl {
  const used = new Set<string>();
  let missing: string | undefined;
  const url = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const text = argumentText(args, name);
    if (text === undefined || text === '') missing ??= name;
    used.add(name);
    return percentEncoded(text ?? '');
  });
  if (missing !== undefined) return { name: missing, fault: 'missing' };
  const [path = ''] = url.split(/[?#]/);
  const [first] = used;
  // A URL parser would resolve these, and the value would choose another resource of the server.
  if (first !== undefined && /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path)) return { name: first, fault: 'path' };
  return { url, used };
}

function percentEncoded(text: string): string {
  return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));
}

/** Arguments as a query or form; lists repeat their name. */
export function queryOf(args: ToolArguments, without: ReadonlySet<string>): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of Object.keys(args)) {
    if (without.has(name)) continue;
    const value = args[name];
    for (const item of Array.isArray(value) ? value : [value]) {
      const text = argumentText({ item }, 'item');
      if (text !== undefined) query.append(name, text);
    }
  }
  return query;
}
