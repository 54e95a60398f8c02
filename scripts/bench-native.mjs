// `node scripts/bench-native.mjs`: what the native add-on costs and gains, as a table; see native/README.md. The sound is
// simulated (test/native/), the time it takes is this machine's.
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';

// Beside its source, because it looks for the fixtures and the add-on from there.
const bundle = `${root}test/native/figures.bundle.mjs`;
try {
  await build({
    ...bundleOptions,
    splitting: false,
    entryPoints: [`${root}test/native/figures.ts`],
    outfile: bundle,
  });
  const { measureFigures } = await import(bundle);
  const rows = await measureFigures();
  console.log('| figure | measured | promised |\n| --- | --- | --- |');
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
} finally {
  await rm(bundle, { force: true });
}
