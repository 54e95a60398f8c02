import type { RunnerDeps } from './runner.ts';

/** A part that somebody else may be using, too. */
export interface SharedPart<Part> {
  readonly part: Part;
  /** The last to let go ends it. Idempotent. */
  release(): Promise<void>;
}

/** Connections and processes that runners with the same dependencies share: made for the first, ended by the last. */
export class SharedParts<Part extends { end(): Promise<void> }> {
  readonly #byDeps = new WeakMap<RunnerDeps, Map<string, { readonly part: Part; users: number }>>();

  /** The part under this key, made if there is none. */
  acquire(deps: RunnerDeps, key: string, make: () => Part): SharedPart<Part> {
    const parts = this.#byDeps.get(deps) ?? new Map<string, { readonly part: Part; users: number }>();
    this.#byDeps.set(deps, parts);
    const shared = parts.get(key) ?? { part: make(), users: 0 };
    parts.set(key, shared);
    shared.users += 1;
    let isHeld = true;
    const release = async () => {
      if (!isHeld) return;
      isHeld = false;
      shared.users -= 1;
      if (shared.users > 0) return;
      parts.delete(key);
      await shared.part.end();
    };
    return { part: shared.part, release };
  }
}
