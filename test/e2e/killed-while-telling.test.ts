import { afterAll, beforeAll, describe, it } from 'vitest';
import { faultsOf, runKills } from '../support/kill-run.ts';
import { buildProgram, cleanUpPrograms } from '../support/program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

/** Kills in all, and where their luck begins; `scripts/kill-run.mjs` asks for more of them. */
const kills = Number(process.env.KILLS ?? 6);
const firstSeed = Number(process.env.KILL_SEED ?? 1);
const chains = 3;
const killsPerChain = Math.ceil(kills / chains);
const isBulk = process.env.KILLS !== undefined;

describe.concurrent('a device that is killed while it tells a result', () => {
  it.for(Array.from({ length: chains }, (_, index) => ({ seed: firstSeed + index })))(
    'tells it afterwards, and says so where the person may know it already (seed $seed)',
    { timeout: 180_000 + killsPerChain * 60_000 },
    async ({ seed }, { expect }) => {
      const language = seed % 3 === 0 ? 'zh-CN' : 'en';
      const onKill = (text: string) => isBulk && process.stderr.write(`seed ${seed}: kill ${text}\n`);
      const tellings = await runKills({ kills: killsPerChain, seed, language, onKill });
      expect(tellings.flatMap(faultsOf)).toEqual([]);
      expect(tellings).toHaveLength(killsPerChain);
    },
  );
});
