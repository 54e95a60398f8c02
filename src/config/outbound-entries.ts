import * as z from 'zod';
import { nearest } from './suggest.ts';

const maxGlobs = 1000;
const glob = z.string().min(1).max(1000);

/** What access points and tunnels have in common. */
export const outboundKeys = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" and "-"')
    .optional(),
  caFile: z.string().min(1).optional(),
  enabled: z.boolean().default(true),
  announce: z.boolean().default(true),
  allow: z.array(glob).max(maxGlobs).default(['*']),
  deny: z.array(glob).max(maxGlobs).default([]),
};

/** How one of several is told from the others; `access-point`, `access-point:home`, `access-point:2`. */
export function channelOf(kind: string, name: string): string {
  return name === '' ? kind : `${kind}:${name}`;
}

/** Somebody with one needs no name for it; the others get their place in the list. */
export function nameOf(name: string | undefined, index: number): string {
  return name ?? (index === 0 ? '' : String(index + 1));
}

/** One line per fault: place and what is allowed, never a value, as it may be a secret. */
export function entryFaults(error: z.ZodError, where: string, keys: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    const path = [where, ...issue.path.map(String)].join('.');
    if (issue.code !== 'unrecognized_keys') return [`${path}: ${issue.message}`];
    return issue.keys.map((key) => {
      const meant = nearest(key, keys);
      return `${path}.${key}: unknown key${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
    });
  });
}

/** Keeps the first of those that share what must be their own. */
export function firstOfEach<Entry>(
  entries: readonly { readonly where: string; readonly entry: Entry }[],
  key: (entry: Entry) => string,
  fault: (where: string, first: string) => string,
): {
  readonly kept: readonly { readonly where: string; readonly entry: Entry }[];
  readonly faults: string[];
} {
  const seen = new Map<string, string>();
  const faults: string[] = [];
  const kept = entries.filter(({ where, entry }) => {
    const first = seen.get(key(entry));
    if (first === undefined) seen.set(key(entry), where);
    else faults.push(fault(where, first));
    return first === undefined;
  });
  return { kept, faults };
}
