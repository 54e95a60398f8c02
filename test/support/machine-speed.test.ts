import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureSlowness, paceFor, realTimeFiles } from '../machine-speed.ts';

const root = new URL('../..', import.meta.url).pathname;

test('a machine that is quick enough leaves nothing out, and half the speed gets twice the time', () => {
  expect(paceFor(0.5, root)).toEqual({ exclude: [], leftOut: undefined, patience: 1 });
  expect(paceFor(2, root)).toEqual({ exclude: [], leftOut: undefined, patience: 2 });
});

test('an emulator leaves out what needs real time, and says how much that is', () => {
  const { exclude, leftOut, patience } = paceFor(12.34, root);
  expect(exclude).toContain('test/sound/devices.test.ts');
  expect(leftOut).toMatch(/^about \d{2,} tests in \d+ files: .* 12\.3 × slower/);
  expect(patience).toBe(12.34);
});

test('what is left out is there: a file that was renamed would be run again unnoticed', () => {
  expect(realTimeFiles.filter((path) => !existsSync(root + path))).toEqual([]);
});

test('this machine computes with some speed', () => {
  expect(measureSlowness()).toBeGreaterThan(0);
});
