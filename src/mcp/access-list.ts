import { isDeepStrictEqual } from 'node:util';
import picomatch from 'picomatch';

/** Globs over tool names (`self.*`, `{http,tcp}_*`). What is denied stays denied, whatever is allowed. */
export interface AccessRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

export interface AccessList {
  permits(toolName: string): boolean;
  /** From the next list and call on; calls that run are not touched. */
  replace(rules: AccessRules): void;
  /** Told when other rules came; returns what ends it. */
  subscribe(listener: () => void): () => void;
}

// Tool names are no paths: a dot at the start and a slash are characters like any other.
const options = { dot: true, bash: true } as const;

/** Which tools are offered and may be called. */
export function createAccessList(rules: AccessRules = { allow: ['*'], deny: [] }): AccessList {
  let current = rules;
  let permits = compile(rules);
  const listeners = new Set<() => void>();
  return {
    permits: (toolName) => permits(toolName),
    replace(next) {
      const isSame = isDeepStrictEqual([current.allow, current.deny], [next.allow, next.deny]);
      current = next;
      permits = compile(next);
      if (!isSame) for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function compile({ allow, deny }: AccessRules): (toolName: string) => boolean {
  const allowed = matcher(allow);
  const denied = matcher(deny);
  return (toolName) => allowed(toolName) && !denied(toolName);
}

const matcher = (globs: readonly string[]): ((name: string) => boolean) =>
  globs.length === 0 ? () => false : picomatch([...globs], options);
