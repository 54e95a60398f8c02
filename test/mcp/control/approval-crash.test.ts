import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { beforeAll, expect, test } from 'vitest';

const kills = Number(process.env.KILLS ?? 25);
let program: string;
beforeAll(async () => {
  program = join(await mkdtemp(join(tmpdir(), 'approval-victim-')), 'victim.mjs');
  await build({
    entryPoints: ['test/support/approval-victim.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
  });
});

test(`an approval is never that of a replacement, though the device is killed ${kills} times between the two files`, {
  timeout: 60_000 + kills * 5_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'approvals-'));
  const approved = new Set<string>();
  const offered: string[] = [];
  for (let round = 0; round < kills; round++) {
    const first = round * 10_000;
    const child = spawn(process.execPath, [program, directory, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_PATH: join(process.cwd(), 'node_modules') },
    });
    let approvals = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, which = ''] = line.split(' ');
      if (what === 'offered') offered.push(which);
      else approved.add(which);
      if (what === 'approves' && ++approvals === 3 + (round % 4))
        // Within the writes that follow: each round at another moment of them.
        setTimeout(() => child.kill('SIGKILL'), round % 5);
    }
  }
  expect(offered.filter((which) => !approved.has(which))).toEqual([]);
  // The kills have not spared the approvals altogether.
  expect(offered.length).toBeGreaterThan(0);
});
