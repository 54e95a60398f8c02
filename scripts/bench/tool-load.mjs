import { wait } from './statistics.mjs';
import { converse } from './tool-device.mjs';
import { startService } from './tool-service.mjs';

const megabyte = 1_000_000;

/**
 * Longest time between two frames of the uplink, in ms: in quiet, and while `calls` calls that are made at once are worked
 * on, half of them programs, half of them HTTP requests, with 1 MB of result each.
 */
export async function measureToolLoad({ calls, rounds, speech, directory }) {
  const service = await startService(JSON.stringify({ text: 'x'.repeat(megabyte) }));
  const longest = { quiet: [], loaded: [], tookMs: [] };
  let lastMs = 0;
  let longestMs = 0;
  let open = 0;
  let failed = 0;
  let onAnswered = () => {};
  const inputSchema = { type: 'object', properties: { n: { type: 'integer' } } };
  const tool = (fields) => ({
    description: 'bench',
    mode: 'async',
    handoffMs: 25_000,
    inputSchema,
    ...fields,
  });
  const device = await converse({
    microphone: `wav:${speech}`,
    directory,
    tools: [
      tool({ name: 'print', executable: `sh -c "yes | head -c ${megabyte}"` }),
      tool({ name: 'fetch', type: 'http', method: 'GET', url: service.url }),
    ],
    onFrame: () => {
      const nowMs = performance.now();
      longestMs = Math.max(longestMs, nowMs - lastMs);
      lastMs = nowMs;
    },
    onReply: ({ error }, data) => {
      if (error || data.includes('running')) failed += 1;
      open -= 1;
      if (open === 0) onAnswered();
    },
  });
  await wait(2000);
  let id = 1;
  for (let round = 0; round < rounds; round++) {
    longestMs = 0;
    await wait(3000);
    longest.quiet.push(longestMs);
    longestMs = 0;
    const startMs = performance.now();
    const answered = new Promise((resolve) => {
      onAnswered = resolve;
    });
    open = calls;
    for (let n = 0; n < calls; n++) {
      id += 1;
      device.call(id, n % 2 ? 'print' : 'fetch', { n: id });
    }
    await answered;
    longest.tookMs.push(performance.now() - startMs);
    await wait(120);
    longest.loaded.push(longestMs);
  }
  await device.stop();
  service.stop();
  if (failed > 0) throw new Error(`${failed} of the calls failed`);
  return longest;
}
