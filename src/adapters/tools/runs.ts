import type { FailureMaker } from './tool-failure.ts';

/** The calls of one tool that are under way, so that all of them can be ended. */
export interface Runs {
  /** Does the work with a signal that aborts with the caller's and with `dispose`; rejects as soon as it does. */
  track<Result>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Result>): Promise<Result>;
  /** Aborts everything and resolves when all of it has ended; later calls are refused. */
  dispose(): Promise<void>;
}

export function createRuns(failure: FailureMaker): Runs {
  const live = new Map<AbortController, Promise<unknown>>();
  let disposed = false;
  return {
    async track(signal, work) {
      // Not AbortSignal.any: on the Node versions we support it keeps what it made as long as its oldest source lives.
      const own = new AbortController();
      const onAbort = () => own.abort(signal.reason);
      if (signal.aborted) onAbort();
      if (disposed) own.abort();
      if (own.signal.aborted) throw failure.aborted(own.signal);
      signal.addEventListener('abort', onAbort, { once: true });
      // At the limit: what does not end by itself is ended after the answer.
      const stopped = new Promise<never>((_, reject) => {
        own.signal.addEventListener('abort', () => reject(failure.aborted(own.signal)), { once: true });
      });
      const result = work(own.signal);
      live.set(own, result);
      const over = () => {
        live.delete(own);
        signal.removeEventListener('abort', onAbort);
      };
      result.then(over, over);
      return await Promise.race([result, stopped]);
    },
    async dispose() {
      disposed = true;
      for (const own of live.keys()) own.abort();
      await Promise.allSettled(live.values());
    },
  };
}
