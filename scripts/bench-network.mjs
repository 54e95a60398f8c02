// `npm run bench:network [-- --only NAME] [-- --check]`: what bad networks do to the sound, and what MQTT + UDP costs. See
// scripts/README.md.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildNetworkFigures, networkFigures } from './bench/network/figures.mjs';
import { networkTable } from './bench/network/table.mjs';
import { printTable } from './bench/table.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: ['table', ...Object.keys(networkFigures)] },
    check: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const unknown = options.only.filter((name) => name !== 'table' && !networkFigures[name]);
if (unknown.length > 0) throw new Error(`There is no figure ${unknown.join(', ')}`);

const broken = options.only.includes('table') ? await networkTable({ write: !options.check }) : [];
for (const promise of broken) console.error(`broken: ${promise}`);

const figures = options.only.filter((name) => name !== 'table');
const rows = [];
const directory = await mkdtemp(join(tmpdir(), 'xiaozhi-network-'));
try {
  if (figures.length > 0) await buildNetworkFigures();
  for (const name of figures) {
    process.stderr.write(`measuring ${name}…\n`);
    rows.push(...(await networkFigures[name]({ ...options, directory })));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
if (rows.length > 0) printTable(rows);
process.exitCode = broken.length > 0 || rows.some(({ ok }) => ok === false) ? 1 : 0;
