// What a cell has left behind, as figures.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MOST_START_RATIO = 4.4;

/** Seconds, ratios and words for one row of the table; `faults` is empty where all went well. */
export function readReport(folder, cell) {
  const read = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '');
  const doctor = read('doctor');
  const line = (subject) => doctor.match(new RegExp(`^. ${subject}: (.*)$`, 'm'))?.[1] ?? '?';
  const result = {
    date: new Date().toISOString().slice(0, 10),
    node: read('machine').split('\n')[0],
    installSeconds: secondsBetween(read('start.log'), 'Installing', 'Building'),
    startRatio: startRatio(read),
    codec: line('Opus codec').replace(/, which works.*/, ''),
    microphone: line('Microphone').split(',')[0],
    loudspeaker: line('Loudspeaker').split(',')[0],
    ...(cell.runsTests && { tests: readTests(read('test.log')) }),
  };
  const failed = (name) =>
    read(name).trim() === '0' ? [] : [`${name.replace('.rc', '')} ended with ${read(name).trim() || '?'}`];
  const faults = [
    ...failed('start.rc'),
    ...failed('doctor.rc'),
    ...(cell.runsTests ? failed('test.rc') : []),
  ];
  if (read('faults')) faults.push(read('faults').trim());
  // Emulated, Node's compiler is itself compiled on the way: the ratio says nothing about the machine that is meant.
  const isEmulated = cell.machine.node !== process.arch;
  if (!isEmulated && result.startRatio > MOST_START_RATIO)
    faults.push(`start ${result.startRatio} × node -e 0`);
  return { ...result, isEmulated, faults };
}

function secondsBetween(log, from, to) {
  const at = (word) =>
    Number(
      log
        .split('\n')
        .find((line) => line.includes(word))
        ?.split(' ')[0],
    );
  const seconds = at(to) - at(from);
  return Number.isFinite(seconds) ? Math.round(seconds) : undefined;
}

/** Process start to the hello of the server, against `node -e 0` just before; the median of the pairs. */
function startRatio(read) {
  const ratios = read('node')
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map((seconds) => Number(seconds) * 1000))
    .map(([before, after], pair) => {
      const helloMs = helloAtMs(read(`hello${pair + 1}`), read(`hello${pair + 1}.log`)) - after;
      return helloMs / (after - before);
    })
    .filter(Number.isFinite);
  return Number(median(ratios)?.toFixed(1));
}

/** The log has dates, and the events, which count from when the device was made, have what came how long after. */
function helloAtMs(events, log) {
  const lines = (text) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  const connectingAtMs = Date.parse(lines(log).find(({ msg }) => msg === 'connecting')?.time);
  const at = (isIt) => lines(events).find(isIt)?.t;
  return connectingAtMs + at(({ type }) => type === 'session') - at(({ to }) => to === 'connecting');
}

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1];

/** vitest's own summary. */
function readTests(log) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal
  const plain = log.replace(/\u001b\[[0-9;]*m/g, '');
  const summary = plain.match(/^\s*Tests\s+(.*)$/m)?.[1] ?? '';
  const count = (word) => Number(summary.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  return { passed: count('passed'), skipped: count('skipped'), failed: count('failed') };
}
