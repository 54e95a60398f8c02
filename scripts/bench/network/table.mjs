// What the jitter buffer makes of bad networks, in simulated time: the tables and the plot of src/audio/README.md.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions, root } from '../../bundle-options.mjs';
import { plot } from './plot.mjs';

const networks = [
  [0, 0, 0],
  [0.02, 10, 0],
  [0.05, 20, 0.02],
  [0.1, 40, 0.05],
  [0, 40, 0],
  [0, 80, 0],
  [0, 120, 0],
  [0.1, 0, 0],
  [0.2, 0, 0],
  [0.2, 80, 0.1],
  [0.2, 120, 0.1],
];
const frames = 2_000;
const seeds = [1, 2, 3];
const senders = [
  [6, 'a server that sends six frames ahead'],
  [1, 'a sender that keeps strict time'],
];
const begin = '<!-- network table: npm run bench:network -->';
const end = '<!-- end of network table -->';

let simulateAnswer;
let percentile;
let resemblance;
let speech;
let rows;

/** Measures all networks, prints the tables and gives the promises that are broken. `write`: into README and plot, too. */
export async function networkTable({ write }) {
  let readWav;
  ({ simulateAnswer, percentile, resemblance, readWav } = await load());
  speech = await readWav(`${root}test/fixtures/speech-two-turns.wav`);
  rows = senders.flatMap(([leadFrames, sender]) =>
    networks.flatMap(([loss, jitterMs, reorder]) =>
      ['buffer', 'as-it-comes'].map((player) =>
        measure({ leadFrames, sender, loss, jitterMs, reorder, player }),
      ),
    ),
  );
  for (const [, sender] of senders) console.log(`${heading(sender)}\n\n${table(sender)}\n`);
  if (write) await writeReadme();
  return rows.filter(({ player }) => player === 'buffer').flatMap(brokenPromises);
}

function measure(network) {
  const { leadFrames, loss, jitterMs, reorder, player } = network;
  const heard = seeds.map((seed) =>
    simulateAnswer({
      frames,
      leadFrames,
      player,
      network: { loss, jitterMs, reorder, duplicate: 0.02, seed },
    }),
  );
  const total = (key) =>
    heard.reduce((sum, { counters }) => sum + counters[key], 0) / (frames * seeds.length);
  const delays = heard.flatMap(({ addedDelayMs }) => addedDelayMs);
  const silences = heard.flatMap(({ silencesMs }) => silencesMs);
  return {
    ...network,
    played: total('played'),
    concealed: total('concealed'),
    late: total('late'),
    p50Ms: percentile(delays, 0.5),
    p95Ms: percentile(delays, 0.95),
    silences: silences.length / seeds.length,
    longestMs: Math.max(0, ...silences),
    twice: heard.reduce((sum, { order }) => sum + repeated(order), 0),
    // Of the first answer: all of them would take a minute.
    resemblance: resemblance(heard[0], speech.pcm, speech.sampleRateHz),
  };
}

function repeated(order) {
  const played = order.filter((frame) => frame >= 0);
  return played.length - new Set(played).size;
}

/** The promises of the product. */
function brokenPromises(row) {
  const { sender, loss, jitterMs, reorder } = row;
  const where = `${percent(loss)} loss, ${jitterMs} ms, ${percent(reorder)} reordered, ${sender}`;
  const promises = [[row.twice === 0, 'no frame is played twice']];
  if (loss === 0 && jitterMs === 0 && reorder === 0)
    promises.push(
      [row.p95Ms <= 60, 'at most 60 ms are added'],
      [row.concealed === 0, 'nothing is concealed'],
    );
  if (loss === 0.1 && jitterMs === 40)
    promises.push(
      [row.late <= 0.005, 'at most 0.5 % are late'],
      [row.concealed <= loss + 0.005, 'only what was lost is concealed'],
      [row.p95Ms <= 180, 'at most 180 ms are added'],
      [row.longestMs <= 120, 'no gap is longer than two frames'],
    );
  return promises.filter(([kept]) => !kept).map(([, promise]) => `${promise} (${where})`);
}

function heading(sender) {
  return `${sender[0].toUpperCase()}${sender.slice(1)}:`;
}

function table(sender) {
  const lines = rows.filter((row) => row.sender === sender).map(cells);
  const header = [
    'loss',
    'jitter',
    'reordered',
    '',
    'played',
    'concealed',
    'late',
    'delay p50 / p95',
    'silences per minute',
    'longest',
    'resemblance',
  ];
  const widths = header.map((name, i) => Math.max(3, name.length, ...lines.map((line) => line[i].length)));
  const format = (line) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [
    format(header),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...lines.map(format),
  ].join('\n');
}

function cells(row) {
  const buffered = row.player === 'buffer';
  return [
    buffered ? percent(row.loss) : '',
    buffered ? `${row.jitterMs} ms` : '',
    buffered ? percent(row.reorder) : '',
    buffered ? 'jitter buffer' : 'as it comes',
    percent(row.played),
    buffered ? percent(row.concealed) : '–',
    percent(row.late),
    `${Math.round(row.p50Ms)} / ${Math.round(row.p95Ms)} ms`,
    (row.silences / ((frames * 0.06) / 60)).toFixed(1),
    `${Math.round(row.longestMs)} ms`,
    row.resemblance.toFixed(3),
  ];
}

function percent(share) {
  const text = (share * 100).toFixed(1);
  return `${text.endsWith('.0') ? text.slice(0, -2) : text} %`;
}

async function writeReadme() {
  const file = `${root}src/audio/README.md`;
  const readme = await readFile(file, 'utf8');
  const [before, rest] = readme.split(begin);
  if (rest === undefined) throw new Error(`${file} has no line ${begin}`);
  const tables = senders.map(([, sender]) => `${heading(sender)}\n\n${table(sender)}`).join('\n\n');
  await writeFile(file, `${before}${begin}\n\n${tables}\n\n${end}${rest.split(end)[1]}`);
  await writeFile(
    `${root}src/audio/network-table.svg`,
    plot(rows.filter(({ leadFrames }) => leadFrames === 6)),
  );
}

/** The simulation is what the tests use; bundled, because Node does not run TypeScript yet. */
async function load() {
  const directory = await mkdtemp(join(tmpdir(), 'xiaozhi-network-'));
  try {
    const outfile = join(directory, 'network.mjs');
    const { splitting: _, ...options } = bundleOptions;
    await build({
      ...options,
      outfile,
      stdin: {
        resolveDir: root,
        contents: `export * from './test/support/network-simulation.ts';
          export * from './test/support/heard-sound.ts';
          export { readWavFile as readWav } from './src/adapters/audio/wav-file.ts';`,
      },
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
