import { type Context, createContext, Script } from 'node:vm';

/** What bounded work came to; anything it throws is thrown on. */
export type TimeBoxed<T> = { readonly value: T } | 'too slow';

const run = new Script('work()');
let shared: Context | undefined;

/**
 * Runs synchronous work for at most `limitMs`: for what foreign data can make endless, such as a regular expression of others.
 * Node interrupts it wherever it is, so it must leave nothing half done that anybody else sees.
 */
export function timeBoxed<T>(limitMs: number, work: () => T): TimeBoxed<T> {
  shared ??= createContext({});
  shared.work = work;
  try {
    return { value: run.runInContext(shared, { timeout: limitMs }) as T };
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException | undefined)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
      return 'too slow';
    throw thrown;
  } finally {
    shared.work = undefined;
  }
}
