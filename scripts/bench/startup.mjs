import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../bundle-options.mjs';
import { wait } from './statistics.mjs';

const nsPerMs = 1e6;

export async function nodeAloneMs() {
  const startNs = process.hrtime.bigint();
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  await once(child, 'exit');
  return Number(process.hrtime.bigint() - startNs) / nsPerMs;
}

/** Long enough for V8 to keep what it has compiled (src/launch.ts). */
const keptAfterMs = 2_500;

/** From here to the device's hello at the server; then it runs on for `afterMs`. */
async function helloMs({ otaUrl, nextHello, home, afterMs = 0 }) {
  const hello = nextHello();
  const startNs = process.hrtime.bigint();
  const child = spawn(
    process.execPath,
    [`${root}dist/main.js`, 'run', '--server', otaUrl, '--mic', 'null', '--speaker', 'null', '--start'],
    {
      stdio: 'ignore',
      env: { ...process.env, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
    },
  );
  const ended = once(child, 'exit');
  const early = ended.then(([code]) => {
    throw new Error(`The device ended with code ${code} before it said hello`);
  });
  const atNs = await Promise.race([hello, early]);
  early.catch(() => {});
  await wait(afterMs);
  child.kill('SIGTERM');
  await ended;
  return Number(atNs - startNs) / nsPerMs;
}

/** Pairs of a device and a bare Node, alternating, on a new and on a used state directory. */
export async function measureStartup({ pairs, otaUrl, nextHello }) {
  const measured = { node: [], first: [], later: [] };
  const warmUp = await mkdtemp(join(tmpdir(), 'xiaozhi-bench-'));
  await helloMs({ otaUrl, nextHello, home: warmUp, afterMs: keptAfterMs });
  await rm(warmUp, { recursive: true });
  for (let pair = 0; pair < pairs; pair++) {
    const home = await mkdtemp(join(tmpdir(), 'xiaozhi-bench-'));
    measured.first.push(await helloMs({ otaUrl, nextHello, home }));
    measured.node.push(await nodeAloneMs());
    measured.later.push(await helloMs({ otaUrl, nextHello, home }));
    await rm(home, { recursive: true });
  }
  return measured;
}
