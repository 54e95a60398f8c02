// Kills a device that tells results, at random moments, and checks that none is lost and none told twice as if it were new:
// `node scripts/kill-run.mjs [KILLS] [SEED]`. See scripts/README.md.
import { spawnSync } from 'node:child_process';

const [kills = '50', seed = '1'] = process.argv.slice(2);
if (![kills, seed].every((text) => /^[1-9]\d{0,5}$/.test(text))) {
  process.stderr.write('Usage: node scripts/kill-run.mjs [KILLS] [SEED], both whole numbers above 0.\n');
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...['--config', 'test/vitest.config.ts', '--reporter', 'verbose'],
    'test/e2e/killed-while-telling.test.ts',
  ],
  {
    cwd: `${import.meta.dirname}/..`,
    stdio: 'inherit',
    env: { ...process.env, KILLS: kills, KILL_SEED: seed },
  },
);
process.exit(status ?? 1);
