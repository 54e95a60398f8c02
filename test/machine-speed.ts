import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of `compute` on the machine that the time-outs were made for (x86-64, 2.5 GHz). */
const REFERENCE_MS = 40;
/** What needs real time is not asked of a machine, or an emulator, that computes so much slower. */
const TOO_SLOW = 4;

/**
 * Test files that are about real time: frames every 60 ms through real processes and devices, and answers within a bound.
 * Where a second of sound takes longer than a second to compute they cannot tell right from wrong.
 */
export const realTimeFiles: readonly string[] = [
  'test/sound/',
  'test/e2e/',
  'test/native/interrupting.test.ts',
];

/** How many times slower than the reference this machine computes, by CPU time, so that its being busy does not count. */
export function measureSlowness(): number {
  compute();
  const times = [0, 1, 2].map(() => {
    const before = process.cpuUsage();
    compute();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times) / REFERENCE_MS;
}

/** Integers, floats and memory, as in codecs and filters. */
function compute(): number {
  const samples = new Float32Array(4_096);
  let state = 1;
  let sum = 0;
  for (let round = 0; round < 4_000; round++) {
    for (let i = 0; i < samples.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const sample = (samples[i] as number) * 0.99 + (state / 2 ** 32 - 0.5);
      samples[i] = sample;
      sum += sample * sample;
    }
  }
  return sum;
}

/** What a run on this machine leaves out, and what it gives more time. */
export interface Pace {
  /** Patterns of files that are not run. */
  readonly exclude: readonly string[];
  /** For people, with how much it is; undefined where everything is run. */
  readonly leftOut: string | undefined;
  /** Times the usual time-out. */
  readonly patience: number;
}

export function paceFor(slowness: number, directory: string): Pace {
  if (slowness < TOO_SLOW) return { exclude: [], leftOut: undefined, patience: Math.max(1, slowness) };
  const files = realTimeFiles.flatMap((path) => (path.endsWith('/') ? testFilesIn(directory, path) : [path]));
  const tests = files
    .map((file) => readFileSync(`${directory}/${file}`, 'utf8'))
    .flatMap((text) => text.match(/^\s*(it|test)\b/gm) ?? []);
  const leftOut = `about ${tests.length} tests in ${files.length} files: they need real time, and this machine computes ${slowness.toFixed(1)} × slower than they were made for`;
  return { exclude: files, leftOut, patience: slowness };
}

function testFilesIn(directory: string, folder: string): string[] {
  return readdirSync(`${directory}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => folder + name);
}
