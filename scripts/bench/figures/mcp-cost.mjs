// A process with everything a device loads, without and with what is behind its MCP channel.
import { loadOpusCodec } from '../../../src/app-codec.ts';
import { ConfigSchema } from '../../../src/config/schema.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { Device } from '../../../src/runtime/device.ts';
import { createEventHub } from '../../../src/runtime/event-hub.ts';
import { report, setup } from '../figure-process.mjs';

const { withTools, directory } = setup;
await loadOpusCodec();
const config = ConfigSchema.parse({});
let readyMs = performance.now();
const device = { status: 'idle', volumePercent: 70, send: () => {}, isA: Device };

if (withTools) {
  const { createToolService } = await import('../../../src/app-tools.ts');
  const { createExchange } = await import('../../../src/app-exchange.ts');
  const events = createEventHub({ show: () => {} });
  const parts = {
    config: { ...config, paths: { ...config.paths, cache: directory } },
    file: undefined,
    stateDirectory: directory,
    env: process.env,
    clock: monotonicClock,
    logger: silentLogger,
  };
  const service = await createToolService({
    ...parts,
    identity: {
      ...config.identity,
      deviceId: '02:00:00:00:00:01',
      clientId: 'bench',
      language: 'en',
      version: '0',
    },
    display: events,
    keepVolume: () => {},
  });
  const idle = { isIdle: false, onIdle: () => () => {} };
  const exchange = await createExchange({ ...parts, startMs: 0, events, idle, tools: service });
  await exchange.open(device);
  await service.attach(device, idle);
  readyMs = performance.now();
  await new Promise((resolve) => {
    const channel = service.openTools((payload) => {
      if (payload.id === 2) resolve();
      return true;
    }, undefined);
    channel.receive({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
    channel.receive({ jsonrpc: '2.0', id: 2, method: 'tools/list', params: {} });
  });
}
gc();
report({ rssMb: process.memoryUsage().rss / 1e6, readyMs, listedMs: performance.now() });
