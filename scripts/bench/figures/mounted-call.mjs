// Calls of a tool of a mounted server against the protocol client's own calls, over its own way to the same server.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { createMcpConnector } from '../../../src/adapters/mcp-client/connect.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { report, setup } from '../figure-process.mjs';
import { median } from '../statistics.mjs';

const { rounds, calls, server, url } = setup;
const nothing = () => {};
const connect = createMcpConnector({ clock: monotonicClock, env: process.env, readAuthorities: () => [] });
const mount = (target) =>
  connect(
    target,
    { onToolsChanged: nothing, onClosed: nothing, onLog: nothing },
    new AbortController().signal,
  );

const program = { command: process.execPath, args: [server, 'stdio'] };
const mounted = {
  stdio: await mount({ type: 'stdio', ...program, env: {}, cwd: process.cwd() }),
  http: await mount({ type: 'http', url, headers: {}, transport: 'streamable' }),
};
const bare = {
  stdio: new StdioClientTransport({ ...program, stderr: 'ignore' }),
  http: new StreamableHTTPClientTransport(new URL(url)),
};

async function timed(call) {
  const times = [];
  for (let n = 0; n < calls; n++) {
    const startMs = performance.now();
    await call();
    times.push(performance.now() - startMs);
  }
  return median(times);
}

const measured = {};
for (const road of ['stdio', 'http']) {
  const client = new Client({ name: 'bench', version: '0' });
  await client.connect(bare[road]);
  const args = { message: 'hello' };
  const own = () => client.callTool({ name: 'echo', arguments: args });
  const ours = () =>
    mounted[road].callTool('echo', args, { signal: new AbortController().signal, timeoutMs: 10_000 });
  await timed(own);
  await timed(ours);
  measured[road] = [];
  measured[`${road}Bare`] = [];
  for (let round = 0; round < rounds; round++) {
    measured[`${road}Bare`].push(await timed(own));
    measured[road].push(await timed(ours));
  }
  await client.close();
  await mounted[road].close();
}
report(measured);
