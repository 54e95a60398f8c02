// The results as a table between two comments of README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { kits } from './matrix.mjs';

const [BEGIN, END] = ['<!-- everywhere: written by scripts/try-everywhere -->', '<!-- /everywhere -->'];

/** @param total how many cells there are, tried or not */
export function writeTable(path, cells, total) {
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${path} has no place for the table: ${BEGIN} … ${END}`);
  writeFileSync(path, `${before}${BEGIN}\n\n${tableOf(cells, total)}\n${END}${after}`);
}

function tableOf(cells, total) {
  const rows = cells.map(row);
  const dates = cells.map(({ result }) => result.date).sort();
  const head = ['machine', 'Node', 'installed before', 'install', 'start', 'codec', 'sound', 'tests'];
  const lines = [head, head.map(() => '---'), ...rows].map((columns) => `| ${columns.join(' | ')} |`);
  const span = dates.length === 0 ? 'never' : [...new Set([dates[0], dates.at(-1)])].join(' to ');
  const missing = total - cells.length;
  const rest = missing === 0 ? '' : ` ${missing} of ${total} machines have not been tried yet.`;
  return `${lines.join('\n')}\n\nRun ${span}.${rest}\n`;
}

function row({ machine, kit, result }) {
  const { node, installSeconds, startRatio, codec, tests, isEmulated, faults } = result;
  return [
    isEmulated ? `${machine.name}, emulated` : machine.name,
    node.replace(/^v/, ''),
    kits[kit].title,
    installed(installSeconds, isEmulated),
    isEmulated ? '(emulated)' : `${startRatio} ×`,
    codec,
    soundOf(result),
    faults.length > 0 ? `**✗** ${faults.join('; ')}` : tests ? testsOf(tests) : 'not run',
  ];
}

function installed(seconds, isEmulated) {
  if (seconds === undefined) return '–';
  return isEmulated ? '(emulated)' : `${seconds} s`;
}

function soundOf({ microphone, loudspeaker }) {
  const [recorded, played] = [microphone, loudspeaker].map((text) => text.split(/[;,]/)[0]);
  return recorded === played ? recorded : `${recorded}, ${played}`;
}

function testsOf({ passed, skipped, failed }) {
  return `${passed} passed, ${skipped} skipped, ${failed} failed`;
}
