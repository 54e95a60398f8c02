import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseWav } from '../../../src/adapters/audio/wav-file.ts';
import { createEspeak } from '../../../src/adapters/speech/espeak.ts';
import { skipped, withoutPrograms } from '../../support/skipped.ts';

const missing = withoutPrograms('espeak-ng');
const read = (bytes: Uint8Array) => parseWav(bytes, 'espeak-ng');

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'espeak-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A stand-in for the program. */
async function program(name: string, script: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('espeak-ng', () => {
  it.skipIf(missing)(`speaks English and Chinese${skipped(missing)}`, async () => {
    const synthesize = createEspeak({ parseWav: read });
    const spoken = await Promise.all([synthesize('--help me', 'en'), synthesize('你好小智', 'zh')]);
    expect(spoken.map((audio) => audio && audio.pcm.length / audio.sampleRateHz > 0.3)).toEqual([true, true]);
  });

  it('that is not installed gives nothing, and is not looked for again', async () => {
    const path = join(directory, 'later');
    const synthesize = createEspeak({ parseWav: read, program: path });
    expect(await synthesize('hello', 'en')).toBeUndefined();
    await program('later', 'exec espeak-ng "$@"');
    expect(await synthesize('hello', 'en')).toBeUndefined();
  });

  it('that fails or prints no WAV gives nothing', async () => {
    const failing = createEspeak({ parseWav: read, program: await program('failing', 'exit 1') });
    const garbage = createEspeak({ parseWav: read, program: await program('garbage', 'echo hello') });
    expect(await Promise.all([failing('hello', 'en'), garbage('hello', 'en')])).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('is not started for a fifth text while it speaks four', async () => {
    const started = join(directory, 'started');
    const counting = await program('counting', `echo x >> ${started}; cat > /dev/null; exit 1`);
    const synthesize = createEspeak({ parseWav: read, program: counting });
    await Promise.all(['1', '2', '3', '4', '5', '6'].map((text) => synthesize(text, 'en')));
    expect(spawnSync('wc', ['-l', started]).stdout.toString()).toMatch(/^4 /u);
  });
});
