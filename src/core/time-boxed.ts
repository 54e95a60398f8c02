import { type Context, createContext, Script } from 'node:vm';

/** What bounded work came to; anything it throws is thrown on. */
export type TimeBoxed<T> = { readonly value: T } | 'too slow';

const run = new Script('work()');
let shared: Context | undefined;

/** A computer that is busy with other programs may not let us work at all while the time runs. */
const maxTurns = 50;

/**
 * Runs synchronous work for at most `limitMs`: for what foreign data can make endless, such as a regular expression of others.
 * Node interrupts it wherever it is, so it must leave nothing half done that anybody else sees; it is begun again where the time
 * ran out without our having had the processor.
 */
export function timeBoxed<T>(limitMs: number, work: () => T): TimeBoxed<T> {
  for (let turn = 0; turn < maxTurns; turn++) {
    const before = process.cpuUsage();
    const outcome = oneTurn(limitMs, work);
    const { user, system } = process.cpuUsage(before);
    if (outcome !== 'too slow' || (user + system) / 1000 >= limitMs / 2) return outcome;
  }
  return 'too slow';
}

function oneTurn<T>(limitMs: number, work: () => T): TimeBoxed<T> {
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
