import { configDefaults, defineConfig } from 'vitest/config';
import { measureSlowness, paceFor } from './machine-speed.ts';
import { SkipReport } from './skip-report.ts';

const root = new URL('..', import.meta.url).pathname;
/**
 * Whole folders of tests of parts that keep nothing in their modules: they share workers, which then load every module once
 * instead of once a file. It saves a quarter of the processor time of a run.
 */
const sharing = [
  'audio',
  'config',
  'contract',
  'core',
  'demo-server',
  'machine',
  'pins',
  'protocol',
  'runtime',
].map((folder) => `test/${folder}/**/*.test.ts`);
/** Heard and measured while it plays. */
const inRealTime = 'test/sound/*.test.ts';
const { exclude, leftOut, patience } = paceFor(measureSlowness(), root);
/** Many tests wait for real time to pass; more of them wait at once than there are cores. */
const maxWorkers = leftOut === undefined ? 5 : 2;

export default defineConfig({
  test: {
    root,
    projects: [
      {
        extends: true,
        test: {
          name: 'all',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...exclude, inRealTime, ...sharing],
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'sharing',
          include: sharing,
          exclude: [...configDefaults.exclude, ...exclude],
          isolate: false,
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'sound',
          include: [inRealTime],
          exclude: [...configDefaults.exclude, ...exclude],
          // A sample that waits for a processor is a hole: sound in real time has the computer to itself. Most of it is waiting.
          maxWorkers: 4,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    // Real sockets, child processes and codecs are used; a shared CI machine may be slow, a hang is not. What
    // computes takes a quarter of that where nothing else does.
    env: { TEST_PATIENCE: String(patience) },
    testTimeout: 60_000 * patience,
    hookTimeout: 60_000 * patience,
    reporters: [process.env.CI ? 'default' : 'dot', new SkipReport(leftOut)],
  },
});
