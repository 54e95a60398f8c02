import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/**
 * What was not run and why, counted by reason, after everything else. A test that is skipped says why: in its name or that
 * of a suite around it, `… (skipped: no loudspeaker)`, or by `context.skip('no loudspeaker')`. Without a reason the run is
 * red. That every place gives one is a test of its own (test/support/skip-report.test.ts), so that no machine finds out first.
 */
export class SkipReport implements Reporter {
  readonly #leftOut: string | undefined;
  #isFiltered = false;
  readonly #write: (line: string) => void;

  /** @param leftOut files that were not even loaded, and why */
  constructor(leftOut?: string, write: (line: string) => void = (line) => process.stdout.write(`${line}\n`)) {
    this.#leftOut = leftOut;
    this.#write = write;
  }

  onInit({ config }: Pick<Vitest, 'config'>): void {
    // Whoever asks for some tests by name has left out the others himself.
    this.#isFiltered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    if (this.#isFiltered) return;
    if (this.#leftOut) this.#write(`Left out: ${this.#leftOut}`);
    if (skipped.length === 0) return;
    const counts = new Map<string, number>();
    for (const test of skipped) {
      const reason = reasonOf(test);
      if (reason === undefined) {
        process.exitCode = 1;
        this.#write(`Skipped without a reason: ${test.module.moduleId} > ${test.fullName}`);
      }
      counts.set(reason ?? 'no reason', (counts.get(reason ?? 'no reason') ?? 0) + 1);
    }
    this.#write(`Not run: ${skipped.length}`);
    for (const [reason, count] of [...counts].sort(([, one], [, other]) => other - one))
      this.#write(`${String(count).padStart(6)}  ${reason}`);
  }
}

function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  if (result.state === 'skipped' && result.note) return result.note;
  for (const name of namesAround(test)) {
    const [, reason] = name.match(/\(skipped: (.*)\)$/s) ?? [];
    if (reason) return reason;
  }
  return undefined;
}

function* namesAround(test: TestCase): Generator<string> {
  yield test.name;
  for (let suite: TestSuite | TestModule = test.parent; suite.type === 'suite'; suite = suite.parent)
    yield suite.name;
}
