// The results as a table between two comments of README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { kits } from './matrix.mjs';

const [BEGIN, END] = ['<!-- everywhere: written by scripts/try-everywhere -->', '<!-- /everywhere -->'];

export function writeTable(path, cells) {
  const text = readFileSync(path, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${path} has no place for the table: ${BEGIN} … ${END}`);
  writeFileSync(path, `${before}${BEGIN}\n\n${tableOf(cells)}\n${END}${after}`);
}

function tableOf(cells) {
  const rows = cells.map(row);
  const dates = cells.map(({ result }) => result.date).sort();
  const head = ['machine', 'Node', 'installed before', 'install', 'start', 'codec', 'sound', 'tests'];
  const lines = [head, head.map(() => '---'), ...rows].map((columns) => `| ${columns.join(' | ')} |`);
  const span = dates.length === 0 ? 'never' : [...new Set([dates[0], dates.at(-1)])].join(' to ');
  return `${lines.join('\n')}\n\nRun ${span}.\n`;
}

function row({ machine, kit, result }) {
  const { node, installSeconds, startRatio, codec, tests, isEmulated, faults } = result;
  return [
    isEmulated ? `${machine.name}, emulated` : machine.name,
    node.replace(/^v/, ''),
    kits[kit].title,
    installSeconds === undefined ? '–' : `${installSeconds} s`,
    isEmulated ? '(emulated)' : `${startRatio} ×`,
    codec,
    soundOf(result),
    faults.length > 0 ? `**✗** ${faults.join('; ')}` : tests ? testsOf(tests) : 'not run',
  ];
}

function soundOf({ microphone, loudspeaker }) {
  return microphone === loudspeaker ? microphone : `${microphone}, ${loudspeaker}`;
}

function testsOf({ passed, skipped, failed }) {
  return `${passed} passed, ${skipped} skipped, ${failed} failed`;
}
