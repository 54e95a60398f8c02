import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

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

/**
 * Why what a process knows of itself cannot be compared with what others see of it; undefined where it can. Emulators make up the
 * process's own /proc.
 */
export const madeUpProc: string | undefined = (() => {
  const startOf = (stat: string) => stat.slice(stat.lastIndexOf(')')).split(' ')[20];
  const seen = spawnSync('cat', [`/proc/${process.pid}/stat`], { encoding: 'utf8' }).stdout;
  return startOf(readFileSync('/proc/self/stat', 'utf8')) === startOf(seen)
    ? undefined
    : 'this emulator shows a process another /proc than others see';
})();
