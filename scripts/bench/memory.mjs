import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { root } from '../bundle-options.mjs';
import { wait } from './statistics.mjs';

/** Highest resident memory, in MB, of a full-duplex conversation of `seconds` held by the program as it is delivered. */
export async function measurePeakMemoryMb({ seconds, otaUrl, microphone, home }) {
  const child = spawn(
    process.execPath,
    [
      `${root}dist/main.js`,
      ...[
        'run',
        '--server',
        otaUrl,
        '--mic',
        microphone,
        '--speaker',
        'null',
        '--mode',
        'realtime',
        '--start',
      ],
    ],
    {
      stdio: 'ignore',
      env: { ...process.env, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
    },
  );
  const ended = once(child, 'exit');
  await Promise.race([
    wait(seconds * 1000),
    ended.then(([code]) => {
      throw new Error(`The device ended with code ${code} during the conversation`);
    }),
  ]);
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  child.kill('SIGTERM');
  await ended.catch(() => {});
  const kib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  return (kib * 1024) / 1e6;
}
