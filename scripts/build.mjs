// Bundles src/ into dist/: one file start-up loads at once, the rest in chunks that are loaded on use.
// Start-up time is a promise of the product; unbundled, zod and xstate alone cost more than Node itself.
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';

await rm(`${root}dist`, { recursive: true, force: true });
await build({
  ...bundleOptions,
  entryPoints: { main: 'src/main.ts' },
  outdir: 'dist',
  sourcemap: true,
});
