import type { ModuleCall, ModuleHost, ModuleOutcome } from './module-host.ts';

/** To the worker, a line each: a call, or that nobody waits for it any more. */
export type WorkerRequest =
  | { readonly id: number; readonly call: ModuleCall }
  | { readonly id: number; readonly cancelled: true };

/** From the worker: how a call ended, or why the worker ends. */
export type WorkerMessage =
  | { readonly id: number; readonly outcome: ModuleOutcome }
  | { readonly crashed: string };

/**
 * The program of a worker process, which lends its process to one module. It is handed over as text, so that there is one
 * file to install, and therefore uses nothing but its arguments and Node's globals. Requests and messages are lines of
 * JSON on descriptor 3; standard output belongs to the module.
 */
export function moduleWorkerProgram(load: NodeJS.Require, host: ModuleHost): void {
  const net = load('node:net') as typeof import('node:net');
  const pipe = new net.Socket({ fd: 3, readable: true, writable: true });
  const running = new Map<number, AbortController>();
  let waiting = '';

  // The terminal's Ctrl-C is for the device, which ends this process when it is done.
  process.on('SIGINT', () => {});
  process.on('uncaughtException', (thrown: unknown) => {
    const message = thrown instanceof Error ? thrown.message : 'something that is no Error was thrown';
    tell({ crashed: String(message).slice(0, 1000) }, () => process.exit(1));
  });
  pipe.setEncoding('utf8');
  pipe.on('data', (chunk: string) => {
    waiting += chunk;
    const lines = waiting.split('\n');
    waiting = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line));
  });
  pipe.on('end', die);
  pipe.on('error', die);

  function take(request: WorkerRequest): void {
    if ('cancelled' in request) running.get(request.id)?.abort();
    else void run(request.id, request.call);
  }

  async function run(id: number, call: ModuleCall): Promise<void> {
    const abort = new AbortController();
    running.set(id, abort);
    const outcome = await host.call(call, abort.signal);
    running.delete(id);
    tell({ id, outcome });
  }

  function tell(message: WorkerMessage, then: () => void = () => {}): void {
    pipe.write(`${JSON.stringify(message)}\n`, then);
  }

  /** The device is gone. */
  function die(): void {
    process.kill(process.pid, 'SIGKILL');
  }
}
