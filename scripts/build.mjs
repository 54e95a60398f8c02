// Bundles src/ into dist/: one file start-up loads at once, the rest in chunks that are loaded on use.
// Start-up time is a promise of the product; unbundled, zod and xstate alone cost more than Node itself.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await rm(`${root}dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  // Native packages find their own files beside themselves; optional ones may be absent.
  external: ['@discordjs/opus', 'naudiodon', 'speaker', 'node-record-lpcm16', 'bufferutil', 'utf-8-validate'],
  // What CommonJS packages inside the bundle expect to find.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      "import { fileURLToPath as __fileURLToPath } from 'node:url';",
      'const require = __createRequire(import.meta.url);',
      'const __filename = __fileURLToPath(import.meta.url);',
    ].join('\n'),
  },
});
