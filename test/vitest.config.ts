import { defineConfig } from 'vitest/config';
import { SkipReport } from './skip-report.ts';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // Many tests wait for real time to pass; more of them wait at once than there are cores.
    maxWorkers: 4,
    // Real sockets, child processes and codecs are used; a shared CI machine may be slow, a hang is not.
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: [process.env.CI ? 'default' : 'dot', new SkipReport()],
  },
});
