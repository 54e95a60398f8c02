/** One call of a function of a module. */
export interface ModuleCall {
  /** Name of the export. */
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly context: Readonly<Record<string, unknown>>;
}

/** How a call ended; all of it travels as JSON. */
export type ModuleOutcome =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'json'; readonly json: string }
  /** `message` is empty when it gave no reason. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'no-function'; readonly name: string }
  | { readonly kind: 'too-large' }
  /** The module itself cannot be loaded. */
  | { readonly kind: 'unloadable'; readonly message: string };

export interface ModuleHost {
  /** Never rejects, but may never resolve: what the function does is its own affair. */
  call(call: ModuleCall, signal: AbortSignal): Promise<ModuleOutcome>;
}

/**
 * Calls functions of one module. Also handed to a worker process as text, and therefore uses nothing but its arguments
 * and Node's globals.
 */
export function createModuleHost(
  load: () => Promise<Readonly<Record<string, unknown>>>,
  maxResultBytes: number,
): ModuleHost {
  const maxMessageCharacters = 1000;
  return {
    async call({ function: name, args, context }, signal) {
      let exports: Readonly<Record<string, unknown>>;
      try {
        exports = await load();
      } catch (thrown) {
        return { kind: 'unloadable', message: messageIn(thrown) };
      }
      try {
        const run = functionIn(exports, name);
        if (run === undefined) return { kind: 'no-function', name };
        return outcomeOf(await run(args, { signal, context }));
      } catch (thrown) {
        return { kind: 'failed', message: messageIn(thrown) };
      }
    },
  };

  /** CommonJS modules have their functions in `default`. */
  function functionIn(exports: Readonly<Record<string, unknown>>, name: string) {
    const inDefault = exports.default as Readonly<Record<string, unknown>> | undefined;
    const found = exports[name] ?? inDefault?.[name];
    return typeof found === 'function' ? (found as (...given: unknown[]) => unknown) : undefined;
  }

  function outcomeOf(value: unknown): ModuleOutcome {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
    if (Buffer.byteLength(text) > maxResultBytes) return { kind: 'too-large' };
    return typeof value === 'string' ? { kind: 'text', text } : { kind: 'json', json: text };
  }

  /** Anything may be thrown, also what cannot be made a text. */
  function messageIn(thrown: unknown): string {
    try {
      const message = (thrown as { message?: unknown } | null | undefined)?.message;
      const text = String(typeof message === 'string' ? message : thrown);
      return text.slice(0, maxMessageCharacters);
    } catch {
      return '';
    }
  }
}
