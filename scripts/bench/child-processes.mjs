import { fork } from 'node:child_process';
import { once } from 'node:events';
import { bundleOptions, root } from '../bundle-options.mjs';
import { setServerSpeed } from './server-speed.mjs';

const built = `${root}bench-results/build`;

/** Makes the figures' own programs from the sources, with what they measure inside. */
export async function buildFigures() {
  const { build } = await import('esbuild');
  await build({
    ...bundleOptions,
    entryPoints: [
      'scripts/bench/server.mjs',
      'scripts/bench/figures/bare-codec.mjs',
      'scripts/bench/figures/codecs.mjs',
      'scripts/bench/figures/conversation-cpu.mjs',
      'scripts/bench/figures/frame-latency.mjs',
      'scripts/bench/figures/link-calls.mjs',
      'scripts/bench/figures/mailbox.mjs',
      'scripts/bench/figures/many-turns.mjs',
      'scripts/bench/figures/mcp-cost.mjs',
      'scripts/bench/figures/mounted-call.mjs',
      'scripts/bench/figures/mounts.mjs',
      'scripts/bench/figures/notice.mjs',
      'scripts/bench/figures/tool-calls.mjs',
      'scripts/bench/figures/tool-load.mjs',
    ],
    entryNames: '[name]',
    outdir: built,
  });
}

/** Starts one figure in a process of its own; `stdout` as in `spawn`. */
export function runFigure(figure, setup, stdout = 'inherit') {
  return fork(`${built}/${figure}.js`, {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
    env: { ...process.env, BENCH_SETUP: JSON.stringify(setup) },
  });
}

/** Runs one figure to its end and gives what it reports. Rejects when it breaks. */
export async function measure(figure, setup) {
  const child = runFigure(figure, setup);
  const broken = once(child, 'exit').then(([code]) => {
    throw new Error(`${figure} ended with code ${code} and no result`);
  });
  const [measured] = await Promise.race([once(child, 'message'), broken]);
  broken.catch(() => {});
  return measured;
}

/**
 * Starts the far end, in time that runs `speed` times as fast. `onHello` and `onAbort` get the time, on this machine's
 * monotonic clock in ns, at which a device said so; `onPacket` that of a packet that is not silence.
 */
export async function startServer({
  speech,
  framesAhead,
  speed = 1,
  onHello = () => {},
  onAbort = () => {},
  onPacket = () => {},
}) {
  const child = fork(`${built}/server.js`, {
    env: {
      ...process.env,
      BENCH_SPEECH: speech,
      BENCH_FRAMES_AHEAD: String(framesAhead),
    },
  });
  const [{ otaUrl, websocketUrl }] = await once(child, 'message');
  await setServerSpeed(websocketUrl, speed);
  const tell = { hello: onHello, abort: onAbort, packet: onPacket };
  child.on('message', ({ type, atNs }) => tell[type]?.(BigInt(atNs)));
  return { otaUrl, websocketUrl, stop: () => child.disconnect() };
}
