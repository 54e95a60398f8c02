import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { chaosServerFile, pidsOf } from '../../support/chaos-mcp-server.ts';
import { ended } from '../../support/tool-program.ts';

it('ends its servers and their children when the device is killed with -9', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-crash-'));
  const victim = join(directory, 'victim.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, '../../support/mcp-victim.ts')],
    outfile: victim,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const journal = join(directory, 'journal');
  const device = spawn(process.execPath, [victim, chaosServerFile, journal], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(device.stdout, 'data');
  const pids = pidsOf(journal);
  expect(pids).toHaveLength(2);
  expect(pids.every((pid) => existsSync(`/proc/${pid}`))).toBe(true);
  device.kill('SIGKILL');
  await ended(pids);
});
