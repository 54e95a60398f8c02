// `npm run bench:audio [-- --long] [-- --only NAME]`: what the product promises about sound, measured on virtual sound cards
// (scripts/virtual-audio) and in simulated rooms, as one table and as bench-results/audio-<date>.json. See scripts/README.md.
import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { printTable } from './bench/table.mjs';
import { bundleOptions, root } from './bundle-options.mjs';

const { values: options } = parseArgs({
  options: { long: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
});

if (process.env.VIRTUAL_CABLE) await measure();
else {
  const again = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const env = { ...process.env, VIRTUAL_CABLE: '1' };
  const child = spawn(`${root}scripts/virtual-audio`, again, { stdio: 'inherit', env });
  child.on('exit', (code) => process.exit(code ?? 1));
}

async function measure() {
  const figures = await loadFigures();
  const names = options.only ?? Object.keys(figures);
  const unknown = names.filter((name) => !figures[name]);
  if (unknown.length > 0)
    throw new Error(`There is no figure ${unknown}; there are ${Object.keys(figures).join(', ')}`);
  const rows = [];
  for (const name of names) {
    process.stderr.write(`measuring ${name}…\n`);
    const measured = Promise.resolve().then(() => figures[name](options));
    rows.push(...(await measured.catch(({ message }) => [broken(name, message)])));
  }
  printTable(rows);
  const at = new Date().toISOString();
  const file = `bench-results/audio-${at.replaceAll(':', '-').slice(0, 19)}.json`;
  const machine = { cpu: cpus()[0]?.model.trim(), cores: cpus().length, arch: arch(), node: process.version };
  await mkdir(`${root}bench-results`, { recursive: true });
  await writeFile(`${root}${file}`, `${JSON.stringify({ at, machine, options, rows }, null, 2)}\n`);
  console.log(`\nwritten to ${file}`);
  process.exit(rows.some(({ ok }) => ok === false) ? 1 : 0);
}

/** One figure that breaks must not take what the others measured with it. */
function broken(figure, note) {
  return { figure, measured: Number.NaN, unit: '', ok: false, note };
}

/** Bundled beside the fixtures and the add-on, which are looked for from there. */
async function loadFigures() {
  const bundle = `${root}test/native/audio-figures.bundle.mjs`;
  try {
    await build({
      ...bundleOptions,
      splitting: false,
      entryPoints: [`${root}scripts/bench/audio/figures.mjs`],
      outfile: bundle,
    });
    return (await import(bundle)).figures;
  } finally {
    await rm(bundle, { force: true });
  }
}
