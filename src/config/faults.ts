import type * as z from 'zod';
import type { Merged } from './layers.ts';
import { isPlainObject } from './layers.ts';
import { HIDDEN, printable } from './redact.ts';
import { allowedValues, allSettings, findSetting } from './settings.ts';
import { nearest } from './suggest.ts';

/** One line per fault: path, what was found, what is allowed, where it came from. Secrets are not shown. */
export function faultsOf(error: z.ZodError, merged: Merged): string[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey([...issue.path, key].map(String), merged))
      : [wrongValue(issue, merged)],
  );
}

function unknownKey(path: readonly string[], merged: Merged): string {
  const meant = keyMeant(path);
  const suggestion = meant === undefined ? '' : `, did you mean "${meant}"?`;
  return `${path.join('.')}: unknown key${suggestion}${whence(path, merged)}`;
}

function keyMeant(path: readonly string[]): string | undefined {
  const key = path.at(-1) ?? '';
  const section = path.slice(0, -1).map((part) => `${part}.`);
  const paths = allSettings().map((setting) => setting.path);
  const siblings = paths
    .filter((candidate) => candidate.startsWith(section.join('')))
    .map((candidate) => candidate.slice(section.join('').length).split('.')[0] ?? '');
  const sibling = nearest(key, siblings);
  if (sibling !== undefined) return sibling;
  const elsewhere = nearest(
    key,
    paths.map((candidate) => candidate.split('.').at(-1) ?? ''),
  );
  return paths.find((candidate) => candidate.endsWith(`.${elsewhere}`));
}

function wrongValue(issue: z.core.$ZodIssue, merged: Merged): string {
  const path = issue.path.map(String);
  const setting = settingAbove(path);
  const place = setting?.path.split('.') ?? path;
  const value = valueAt(merged.raw, place);
  // Where a group of settings belongs, anything may have been put.
  const found = setting === undefined ? kindOf(value) : show(place, value);
  return `${setting?.path ?? path.join('.')}: found ${found}, allowed is ${allowed(issue, setting?.schema)}${whence(path, merged)}`;
}

/** Faults inside a list are reported for the whole setting. */
function settingAbove(path: readonly string[]) {
  return findSetting(path.join('.')) ?? findSetting(path.slice(0, -1).join('.'));
}

function allowed(issue: z.core.$ZodIssue, schema: z.ZodType | undefined): string {
  if (issue.code === 'invalid_format' || issue.code === 'custom') return issue.message;
  return schema === undefined ? 'a group of settings: {…}' : allowedValues(schema);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  return isPlainObject(value) && Object.hasOwn(value, key) ? valueAt(value[key], rest) : undefined;
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

function show(path: readonly string[], value: unknown): string {
  const shown = printable(path, value);
  if (shown === HIDDEN) return 'a hidden value';
  const text = JSON.stringify(shown) ?? 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

function whence(path: readonly string[], { sources }: Merged): string {
  const dotted = path.join('.');
  for (const [known, source] of sources)
    if (known === dotted || known.startsWith(`${dotted}.`) || dotted.startsWith(`${known}.`))
      return ` (${source})`;
  return '';
}
