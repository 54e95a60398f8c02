// `npm run bench [-- --quick | --long] [-- --only NAME]`: measures what the product promises about speed and memory,
// prints a table and writes bench-results/<date>.json. See scripts/README.md.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { arch, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildFigures } from './bench/child-processes.mjs';
import { figures } from './bench/figures.mjs';
import { printTable } from './bench/table.mjs';
import { root } from './bundle-options.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: Object.keys(figures) },
  },
});

/** One figure that breaks must not take what the others measured with it. */
const broken = (figure, { message }) => ({
  figure,
  measured: Number.NaN,
  unit: '',
  ok: false,
  note: message,
});

await buildFigures();
const directory = await mkdtemp(join(tmpdir(), 'xiaozhi-bench-'));
const rows = [];
try {
  for (const name of options.only) {
    if (!figures[name])
      throw new Error(`There is no figure ${name}; there are ${Object.keys(figures).join(', ')}`);
    process.stderr.write(`measuring ${name}…\n`);
    rows.push(...(await figures[name]({ ...options, directory }).catch((thrown) => [broken(name, thrown)])));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}

printTable(rows);
const at = new Date().toISOString();
const results = `${root}bench-results`;
await mkdir(results, { recursive: true });
const file = `${results}/${at.replaceAll(':', '-').slice(0, 19)}.json`;
const machine = { cpu: cpus()[0]?.model.trim(), cores: cpus().length, arch: arch(), node: process.version };
await writeFile(file, `${JSON.stringify({ at, machine, options, rows }, null, 2)}\n`);
console.log(`\nwritten to ${file.slice(root.length)}`);
process.exitCode = rows.some(({ ok }) => ok === false) ? 1 : 0;
