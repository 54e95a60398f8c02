import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { McpServerTarget } from '../../src/ports/mcp-client.ts';

const packages = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol');

/** A server from npm, to be started over stdio. */
export const npmServer = (
  name: 'server-everything' | 'server-filesystem' | 'server-memory',
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): McpServerTarget => ({
  type: 'stdio',
  command: process.execPath,
  args: [join(packages, name, 'dist/index.js'), ...args],
  env,
  cwd: process.cwd(),
});

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** `@modelcontextprotocol/server-everything` on a free port of this computer, or on one that it had before. */
export async function startEverything(
  kind: 'sse' | 'streamableHttp',
  wanted?: number,
): Promise<RunningServer> {
  const port = wanted ?? (await freePort());
  const child = spawn(process.execPath, [join(packages, 'server-everything/dist/index.js'), kind], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await untilListening(child);
  return {
    port,
    url: `http://127.0.0.1:${port}/${kind === 'sse' ? 'sse' : 'mcp'}`,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function untilListening({ stderr }: ChildProcess): Promise<void> {
  let text = '';
  return new Promise((resolve) => {
    stderr?.on('data', (chunk) => {
      if (text.length < 10_000) text += String(chunk);
      if (/on port \d/.test(text)) resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
