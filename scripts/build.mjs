// Bundles src/ into dist/: one file start-up loads at once, the rest in chunks that are loaded on use.
// Start-up time is a promise of the product; unbundled, zod and xstate alone cost more than Node itself.
import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';

/** Interrupted or without room, a build leaves dist/ as it was; what it had done goes with the next. */
const unfinished = /^\.dist-\d+$/;
for (const name of await readdir(root)) {
  if (unfinished.test(name) && !existsSync(`/proc/${name.slice('.dist-'.length)}`))
    await rm(`${root}${name}`, { recursive: true, force: true });
}
const next = `${root}.dist-${process.pid}`;

/** Again where somebody else, who builds at the same time, was between the two steps. */
async function replace(tries = 5) {
  try {
    await rm(`${root}dist`, { recursive: true, force: true });
    await rename(next, `${root}dist`);
  } catch (error) {
    if (tries === 0 || !['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
    await replace(tries - 1);
  }
}

try {
  await build({ ...bundleOptions, entryPoints: { main: 'src/main.ts' }, outdir: next, sourcemap: true });
  await replace();
} catch (error) {
  await rm(next, { recursive: true, force: true });
  throw error;
}
