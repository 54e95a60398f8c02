// Bundles src/ into dist/: one file, and a small one that starts it (src/launch.ts). Start-up time is a promise of the product;
// unbundled, zod and xstate alone cost more than Node itself. One file also cannot be half replaced under a program that runs.
import { existsSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { launchOptions, programOptions, root } from './bundle-options.mjs';

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
  const written = { outdir: next, sourcemap: true };
  await build({ ...launchOptions, ...written, entryPoints: { main: 'src/launch.ts' } });
  await build({ ...programOptions, ...written, entryPoints: { program: 'src/main.ts' } });
  await writeFile(`${next}/package.json`, '{ "type": "commonjs" }\n');
  await replace();
} catch (error) {
  await rm(next, { recursive: true, force: true });
  throw error;
}
