import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadNativeParts } from '../../src/adapters/native/addon.ts';
import { addonPath, bareAddon, parts, whyNot } from './support.ts';

const addon = await bareAddon();

describe.skipIf(!addon)(`the native add-on${whyNot(addon)}`, () => {
  it('gives what its libraries give, and says which they are', () => {
    expect(loadNativeParts().libraries).toEqual(parts.libraries);
    expect(parts.libraries.length).toBeGreaterThan(0);
    expect(parts.createEchoCanceller !== undefined).toBe(addon?.echoLibrary !== undefined);
    expect(parts.createOpusDecoder !== undefined).toBe(addon?.opusLibrary !== undefined);
    expect(parts.problem === undefined).toBe(parts.libraries.length === 2);
  });

  it('refuses whatever it is given wrongly, on any thread, and does not end the process', () => {
    const exercise = new URL('./exercise.cjs', import.meta.url).pathname;
    const { status, signal, stdout } = spawnSync(process.execPath, ['--expose-gc', exercise, addonPath], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ status, signal, said: stdout.split(' ')[0] }).toEqual({ status: 0, signal: null, said: 'ok' });
  }, 60_000);
});

describe('loading the native add-on', () => {
  const directory = mkdtempSync(join(tmpdir(), 'native-addon-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const file = (name: string, content: string) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  it('says what to do when it is no library, or one for another machine', () => {
    const { problem, ...rest } = loadNativeParts(file('broken.node', 'not an ELF file'));
    expect(rest).toEqual({ libraries: [] });
    expect(problem).toMatch(
      /^The native add-on does not load \(.+\): .*run "node scripts\/build-native\.mjs" again\.$/,
    );
  });

  it('says what to do when it is older or newer than this program', () => {
    const path = file('other.cjs', 'module.exports = { interfaceVersion: 0 };');
    expect(loadNativeParts(path)).toEqual({
      libraries: [],
      problem:
        'The native add-on was built from another version of this program; run "node scripts/build-native.mjs" again.',
    });
  });

  it('says what is missing when it was built without some libraries', () => {
    const path = file(
      'bare.cjs',
      'module.exports = { interfaceVersion: 1, opusLibrary: "libopus 1", OpusDecoder: class {}, OpusEncoder: class {} };',
    );
    const { problem, libraries, createEchoCanceller } = loadNativeParts(path);
    expect(libraries).toEqual(['libopus 1']);
    expect(createEchoCanceller).toBeUndefined();
    expect(problem).toBe(
      'The native add-on was built without some of its libraries (Debian: apt install libwebrtc-audio-processing-dev libspeexdsp-dev); run "node scripts/build-native.mjs" again.',
    );
  });
});
