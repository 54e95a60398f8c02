import { spawn } from 'node:child_process';
import type { Clock, TimerHandle } from '../core/clock.ts';

export interface ServiceWatchdogParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Sends a notification to systemd; the program of that name unless given. */
  readonly notify?: (message: string) => void;
}

/**
 * Tells systemd, where it asks for that (`WatchdogSec`), that the event loop turns: a device that hangs is started anew. Twice as
 * often as it has to be. Returns what ends it.
 */
export function feedServiceWatchdog({
  env,
  clock,
  notify = notifyThrough(env),
}: ServiceWatchdogParts): () => void {
  const periodMs = Number(env.WATCHDOG_USEC) / 1000 / 2;
  if (!env.NOTIFY_SOCKET || !(periodMs > 0)) return () => {};
  let timer: TimerHandle;
  const feed = () => {
    notify('WATCHDOG=1');
    timer = clock.setTimeout(feed, periodMs);
  };
  feed();
  return () => clock.clearTimeout(timer);
}

/** Node cannot open the socket, which is one for datagrams; the program comes with systemd. */
function notifyThrough(env: ServiceWatchdogParts['env']): (message: string) => void {
  return (message) => {
    const child = spawn('systemd-notify', [message], { env, stdio: 'ignore' });
    // Without it the service is started anew again and again, which its log explains.
    child.on('error', () =>
      process.stderr.write('systemd-notify is missing, so WatchdogSec must not be set.\n'),
    );
  };
}
