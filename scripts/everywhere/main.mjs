// scripts/try-everywhere. Each cell of the matrix leaves a result; a run goes on where the last was ended.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Chroots, TESTER } from './chroots.mjs';
import { cells } from './matrix.mjs';
import { readReport } from './report.mjs';
import { writeTable } from './table.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: {
    /** Where chroots, what was fetched and results are kept: about 10 GB. */
    folder: { type: 'string', default: '/var/tmp/xiaozhi-everywhere' },
    /** Only cells whose name contains one of these. */
    only: { type: 'string', multiple: true, default: [] },
    /** Results of an earlier state of the checkout are good enough. */
    keep: { type: 'boolean', default: false },
    /** Everything anew. */
    again: { type: 'boolean', default: false },
    /** Only write what there is into README.md. */
    table: { type: 'boolean', default: false },
  },
});

const results = join(values.folder, 'results');
const resultFile = ({ name }) => join(results, `${name}.json`);
const wanted = cells().filter(
  ({ name }) => values.only.length === 0 || values.only.some((part) => name.includes(part)),
);

if (!values.table) tryAll();
const found = cells()
  .filter((cell) => existsSync(resultFile(cell)))
  .map((cell) => ({ ...cell, result: JSON.parse(readFileSync(resultFile(cell), 'utf8')) }));
writeTable(join(root, 'README.md'), found, cells().length);
const red = found.filter(({ result }) => result.faults.length > 0);
for (const { name, result } of red) console.error(`✗ ${name}: ${result.faults.join('; ')}`);
console.error(`${found.length} of ${cells().length} cells have a result, ${red.length} of them with faults.`);
process.exitCode = red.length > 0 ? 1 : 0;

function tryAll() {
  if (process.getuid() !== 0) throw new Error('Chroots are made by root: run it with sudo.');
  mkdirSync(results, { recursive: true });
  const chroots = new Chroots(values.folder);
  const state = stateOfCheckout();
  for (const cell of wanted) {
    if (isDone(cell, state)) continue;
    console.error(`${new Date().toISOString().slice(0, 16)} ${cell.name}…`);
    const result = tryCell(chroots, cell);
    writeFileSync(resultFile(cell), JSON.stringify({ ...result, state }, null, 2));
    console.error(result.faults.length === 0 ? '  ✓' : `  ✗ ${result.faults.join('; ')}`);
  }
}

function isDone(cell, state) {
  if (values.again || !existsSync(resultFile(cell))) return false;
  const result = JSON.parse(readFileSync(resultFile(cell), 'utf8'));
  return result.faults.length === 0 && (values.keep || result.state === state);
}

/** Of everything that is committed, except what only people read. */
function stateOfCheckout() {
  const files = execFileSync('git', ['-C', root, 'ls-tree', '-r', 'HEAD'], { encoding: 'utf8' });
  const read = files.split('\n').filter((line) => !line.endsWith('.md'));
  return createHash('sha256').update(read.join('\n')).digest('hex').slice(0, 16);
}

function tryCell(chroots, cell) {
  const inside = chroots.open(cell);
  try {
    const checkout = join(inside, 'home/tester/xiaozhi-speaker');
    mkdirSync(checkout);
    execFileSync('sh', ['-c', `git -C '${root}' archive HEAD | tar -x -C '${checkout}'`]);
    cpSync(fileURLToPath(new URL('cell.sh', import.meta.url)), join(inside, 'home/tester/cell.sh'));
    execFileSync('chown', ['-R', `${TESTER}:${TESTER}`, join(inside, 'home/tester')]);
    const environment = [
      ...[
        'HOME=/home/tester',
        'PATH=/usr/local/bin:/usr/bin:/bin',
        'LANG=C.UTF-8',
        'npm_config_cache=/var/cache/npm',
      ],
      ...['NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt', 'npm_config_prefer_offline=true'],
    ];
    const as = ['--userspec', `${TESTER}:${TESTER}`, inside, 'env', '-i', ...environment];
    spawnSync('chroot', [...as, 'sh', '/home/tester/cell.sh', cell.runsTests ? 'tests' : 'start'], {
      stdio: 'ignore',
    });
    const report = join(inside, 'home/tester/report');
    const kept = join(results, cell.name);
    cpSync(report, kept, { recursive: true });
    return readReport(kept, cell);
  } finally {
    chroots.close(cell);
  }
}
