import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundleOptions, root } from '../bundle-options.mjs';

const built = `${root}bench-results/build`;

/** Makes the figures' own programs from the sources, with what they measure inside. */
export async function buildFigures() {
  const { build } = await import('esbuild');
  await build({
    ...bundleOptions,
    entryPoints: [
      'scripts/bench/server.mjs',
      'scripts/bench/figures/conversation-cpu.mjs',
      'scripts/bench/figures/frame-latency.mjs',
      'scripts/bench/figures/many-turns.mjs',
    ],
    entryNames: '[name]',
    outdir: built,
  });
}

/** Runs one figure in a process of its own and gives what it reports. Rejects when it breaks. */
export async function measure(figure, setup) {
  const child = fork(`${built}/${figure}.js`, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, BENCH_SETUP: JSON.stringify(setup) },
  });
  const broken = once(child, 'exit').then(([code]) => {
    throw new Error(`${figure} ended with code ${code} and no result`);
  });
  const [measured] = await Promise.race([once(child, 'message'), broken]);
  broken.catch(() => {});
  return measured;
}

/** Starts the far end. `onHello` gets the time, on this machine's monotonic clock in ns, at which a device said hello. */
export async function startServer({ speech, framesAhead, onHello = () => {} }) {
  const child = fork(`${built}/server.js`, {
    env: { ...process.env, BENCH_SPEECH: speech, BENCH_FRAMES_AHEAD: String(framesAhead) },
  });
  const [{ otaUrl, websocketUrl }] = await once(child, 'message');
  child.on('message', ({ atNs }) => onHello(BigInt(atNs)));
  return { otaUrl, websocketUrl, stop: () => child.disconnect() };
}
