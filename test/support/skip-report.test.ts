import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { TestModule, Vitest } from 'vitest/node';
import { SkipReport } from '../skip-report.ts';
import { skipped } from './skipped.ts';

const suite = (name: string, parent: object) => ({ type: 'suite', name, parent });
const testCase = (name: string, parent: object, note?: string) => ({
  name,
  fullName: name,
  parent,
  module: { moduleId: 'a.test.ts' },
  result: () => ({ state: 'skipped', note }),
});
/** As vitest hands them over at the end of a run. */
const moduleOf = (...tests: object[]) =>
  ({ type: 'module', children: { allTests: () => tests } }) as unknown as TestModule;

function report(...tests: object[]): string[] {
  const lines: string[] = [];
  new SkipReport(undefined, (line) => lines.push(line)).onTestRunEnd([moduleOf(...tests)]);
  return lines;
}

test('what was not run is counted by its reason, the most frequent first', () => {
  const file = { type: 'module' };
  const sound = suite(`real sound${skipped('parec is not installed')}`, file);
  expect(
    report(
      testCase('one', file, 'this machine is too slow'),
      testCase('two', sound),
      testCase('three', suite('within', sound)),
      testCase(`four${skipped('no curl (or an old one)')}`, file),
    ),
  ).toEqual([
    'Not run: 4',
    '     2  parec is not installed',
    '     1  this machine is too slow',
    '     1  no curl (or an old one)',
  ]);
});

test('a run that skipped nothing says nothing', () => {
  expect(report()).toEqual([]);
});

test('who asks for tests by name is not told about the others', () => {
  const lines: string[] = [];
  const reporter = new SkipReport(undefined, (line) => lines.push(line));
  reporter.onInit({ config: { testNamePattern: /some/ } } as unknown as Vitest);
  reporter.onTestRunEnd([moduleOf(testCase('other', { type: 'module' }))]);
  expect(lines).toEqual([]);
});

test('a test that is skipped without a reason turns the run red and is named', () => {
  const before = process.exitCode;
  const lines = report(testCase('forgotten', { type: 'module' }));
  const after = process.exitCode;
  process.exitCode = before;
  expect([lines[0], after]).toEqual(['Skipped without a reason: a.test.ts > forgotten', 1]);
});

test('every place that skips gives its reason in the name, on whatever machine it is read', () => {
  const tests = resolve(import.meta.dirname, '..');
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const silent = files.flatMap((file) => {
    const text = readFileSync(join(tests, file), 'utf8');
    return [...text.matchAll(/\.(?:skipIf|runIf|todo)\(|(?:describe|test|it)\.skip\(|\.skip\(\)/g)]
      .filter(({ index }) => !/\b(?:skipped|whyNot)\(|\(title,/.test(text.slice(index, index + 300)))
      .map(({ index }) => `${file}:${text.slice(0, index).split('\n').length}`);
  });
  expect(silent).toEqual([]);
});
