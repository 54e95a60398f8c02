import { mkdtemp } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { ask } from './http-exchange.mjs';
import { startDevice } from './running-device.mjs';
import { median } from './statistics.mjs';
import { startService } from './tool-service.mjs';

const tool = 'self.timer.list';

/** Time of a tool call over the control API in µs, and of the same bytes from a bare HTTP server; both on unix sockets. */
export async function measureControlRoundTrip({ rounds, calls, otaUrl, directory }) {
  const home = await mkdtemp(join(directory, 'control-'));
  const device = await startDevice({
    home,
    options: ['--server', otaUrl, '--mic', 'null', '--speaker', 'null'],
  });
  try {
    return await compared({ device, rounds, calls, socketPath: join(home, 'bare.sock') });
  } finally {
    await device.stop();
  }
}

async function compared({ device, rounds, calls, socketPath }) {
  const service = await startService(await device.callTool(tool, {}), socketPath);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const roads = {
    bare: () => ask({ socketPath, agent, path: '/', body: '{"args":{}}' }),
    device: () => device.callTool(tool, {}),
  };
  const measured = { bare: [], device: [] };
  for (let round = -1; round < rounds; round++)
    for (const [road, call] of Object.entries(roads)) {
      const us = await medianUs(call, calls);
      // The first round warms up.
      if (round >= 0) measured[road].push(us);
    }
  agent.destroy();
  service.stop();
  return measured;
}

async function medianUs(call, calls) {
  const times = [];
  for (let n = 0; n < calls; n++) {
    const startMs = performance.now();
    await call();
    times.push((performance.now() - startMs) * 1000);
  }
  return median(times);
}
