import { spawnSync } from 'node:child_process';

/**
 * For the end of the name of a test or a suite that is skipped where something is missing: the reason is counted at the end
 * of a run (`test/skip-report.ts`). Nothing where nothing is missing.
 */
export function skipped(reason: string | undefined): string {
  return reason === undefined ? '' : ` (skipped: ${reason})`;
}

/** Why a test that runs these programs cannot; undefined when it can. */
export function withoutPrograms(...programs: readonly string[]): string | undefined {
  return programs
    .filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0)
    .map((program) => `${program} is not installed; scripts/setup --ci does it`)[0];
}
