import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNativeParts } from '../../../src/adapters/native/addon.ts';
import { isWhole } from '../../../src/adapters/native/elf-file.ts';
import { skipped } from '../../support/skipped.ts';

/** Any add-on will do: they are all shared libraries. */
const packageOfOpus = resolve(import.meta.dirname, '../../../node_modules/@discordjs/opus');
const noLibrary = existsSync(packageOfOpus) ? undefined : '@discordjs/opus is not installed';
const library = (
  noLibrary === undefined ? readdirSync(packageOfOpus, { recursive: true, encoding: 'utf8' }) : []
)
  .filter((path) => path.endsWith('.node'))
  .map((path) => readFileSync(join(packageOfOpus, path)))[0] as Buffer;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'truncated-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const file = (content: string | Uint8Array): string => {
  const path = join(directory, 'some.node');
  writeFileSync(path, content);
  return path;
};

describe.skipIf(noLibrary)(`the file of an add-on${skipped(noLibrary)}`, () => {
  test('an add-on of which a part is missing is not loaded, which would end the process', () => {
    for (const bytes of [64, 4096, Math.floor(library.length / 2), library.length - 1]) {
      expect(loadNativeParts(file(library.subarray(0, bytes)))).toEqual({
        libraries: [],
        problem:
          'The native add-on does not load (the file is cut short): building it was interrupted, or copying it; run "node scripts/build-native.mjs" again.',
      });
    }
  });

  test('a whole one is loaded', () => {
    expect(loadNativeParts(file(library)).problem).toMatch(/was built from another version/);
  });

  test('every beginning of a library is cut short, and only that', () => {
    expect(isWhole(file(library))).toBe(true);
    fc.assert(
      fc.property(fc.integer({ min: 64, max: library.length - 1 }), (bytes) => {
        expect(isWhole(file(library.subarray(0, bytes)))).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('what is no library, or a strange one, is for the loader to judge', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isElf) => {
        const content = isElf ? Buffer.concat([library.subarray(0, 6), bytes]) : bytes;
        expect(typeof isWhole(file(content))).toBe('boolean');
      }),
      { numRuns: 50 },
    );
    expect(isWhole(file('not an ELF file'))).toBe(true);
  });
});
