import { importModule } from '../../core/import-module.ts';
import { childEnvironment } from '../../processes/child-environment.ts';
import { createModuleHost, type ModuleCall, type ModuleHost, type ModuleOutcome } from './module-host.ts';
import { ModuleWorker } from './module-worker.ts';
import { maxAnswerBytes, type RunnerDeps } from './runner.ts';

/** A module whose functions are called; a file that has changed is loaded anew. */
export interface LoadedModule {
  /** `version` tells one state of the file from another. Rejects with a WorkerEndedError. */
  call(call: ModuleCall, version: string, signal: AbortSignal): Promise<ModuleOutcome>;
  /** What was printed since this was last asked; nothing in the device's own process. */
  takePrinted(): string;
  end(): Promise<void>;
}

/** In a process of its own, one for each state of the file; an older one ends with its last call. */
export function createWorkerModule(url: string, deps: RunnerDeps): LoadedModule {
  const workers = new Set<ModuleWorker>();
  let current: { readonly worker: ModuleWorker; readonly version: string } | undefined;

  const start = (version: string) => {
    const worker = new ModuleWorker({
      url,
      cwd: deps.baseDirectory,
      env: childEnvironment(deps.env, {}),
      maxResultBytes: maxAnswerBytes,
      clock: deps.clock,
    });
    workers.add(worker);
    void worker.closed.then(() => workers.delete(worker));
    return { worker, version };
  };
  return {
    async call(call, version, signal) {
      if (current !== undefined && current.version !== version) current.worker.retire();
      if (current === undefined || current.worker.isOver) current = start(version);
      const { worker } = current;
      const outcome = await worker.call(call, signal);
      // Node does not load again what it could not load once.
      if (outcome.kind === 'unloadable') worker.retire();
      return outcome;
    },
    takePrinted: () => current?.worker.takePrinted() ?? '',
    end: async () => void (await Promise.all([...workers].map((worker) => worker.end()))),
  };
}

/** In the device's own process. A call that is taken back is not waited for; nothing can stop it. */
export function createDeviceModule(url: string): LoadedModule {
  let current: { readonly host: ModuleHost; readonly version: string } | undefined;
  return {
    async call(call, version, signal) {
      if (current?.version !== version)
        current = {
          host: createModuleHost(() => importModule(`${url}?version=${version}`), maxAnswerBytes),
          version,
        };
      const outcome = await Promise.race([current.host.call(call, signal), aborted(signal)]);
      if (outcome.kind === 'unloadable') current = undefined;
      return outcome;
    },
    takePrinted: () => '',
    end: () => Promise.resolve(),
  };
}

function aborted(signal: AbortSignal): Promise<ModuleOutcome> {
  return new Promise((resolve) => {
    const stop = () => resolve({ kind: 'failed', message: 'it was stopped' });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
