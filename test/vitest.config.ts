import { configDefaults, defineConfig } from 'vitest/config';
import { measureSlowness, paceFor } from './machine-speed.ts';
import { SkipReport } from './skip-report.ts';

const root = new URL('..', import.meta.url).pathname;
const { exclude, leftOut, patience } = paceFor(measureSlowness(), root);

export default defineConfig({
  test: {
    root,
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...exclude],
    // Many tests wait for real time to pass; more of them wait at once than there are cores.
    maxWorkers: leftOut === undefined ? 4 : 2,
    // Real sockets, child processes and codecs are used; a shared CI machine may be slow, a hang is not. What
    // computes takes a quarter of that where nothing else does.
    testTimeout: 60_000 * patience,
    hookTimeout: 60_000 * patience,
    reporters: [process.env.CI ? 'default' : 'dot', new SkipReport(leftOut)],
  },
});
