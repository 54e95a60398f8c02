import { stringifyExact } from '../../core/exact-json.ts';
import type { ToolArguments } from '../../mcp/tool.ts';
import { argumentText } from './template.ts';

const placeholder = /\{\{([^{}]+)\}\}/g;

/** The names in `{{…}}`. */
export function namesIn(template: string): string[] {
  return [...template.matchAll(placeholder)].map(([, name = '']) => name.trim());
}

/** Puts what `lookUp` gives in the place of `{{name}}`; nothing where it gives nothing. */
export function fillText(template: string, lookUp: (name: string) => string | undefined): string {
  return template.replace(placeholder, (_, name: string) => lookUp(name.trim()) ?? '');
}

/**
 * A JSON template with the arguments of a call in the place of `{{name}}`: within quotes as text, elsewhere as the JSON
 * value they are (null when not given). The result is JSON of the template's shape whatever the arguments hold.
 */
export function fillJson(template: string, args: ToolArguments): string {
  let quoted = false;
  return template.replace(/\{\{([^{}]+)\}\}|\\.|"/g, (found, name: string | undefined) => {
    if (found === '"') quoted = !quoted;
    if (name === undefined) return found;
    const key = name.trim();
    if (quoted) return JSON.stringify(argumentText(args, key) ?? '').slice(1, -1);
    return stringifyExact(Object.hasOwn(args, key) ? args[key] : null) ?? 'null';
  });
}
