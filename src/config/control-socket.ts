import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { maxSocketPathBytes } from './control.ts';
import { home } from './load.ts';
import type { Config } from './schema.ts';

/**
 * Where the unix socket of a device is. Beside its state, so that each device has its own and whoever names the state
 * directory finds it; a path that is too long for a socket has a short one in `$XDG_RUNTIME_DIR` instead.
 */
export function controlSocketPath(
  { control }: Pick<Config, 'control'>,
  stateDirectory: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (control.socket !== undefined) return resolve(home(control.socket, env));
  const beside = resolve(stateDirectory, 'control.sock');
  if (Buffer.byteLength(beside) <= maxSocketPathBytes || !env.XDG_RUNTIME_DIR) return beside;
  const name = createHash('sha256').update(beside).digest('hex').slice(0, 16);
  return join(env.XDG_RUNTIME_DIR, `xiaozhi-speaker-${name}.sock`);
}
