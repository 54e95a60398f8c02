import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { microphoneOf } from '../../../src/adapters/audio/capture.ts';
import { createRecordCapture } from '../../../src/adapters/audio/microphone-lpcm16.ts';
import { FakeClock } from '../../support/fake-clock.ts';

vi.mock('../../../src/adapters/audio/native-package.ts', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  requirePackage: (name: string) => {
    throw Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:\n- /program/dist/main.js`), {
      code: 'MODULE_NOT_FOUND',
    });
  },
}));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'recorder-'));
  await writeFile(join(directory, 'arecord'), '#!/bin/sh\n');
  await chmod(join(directory, 'arecord'), 0o755);
});
afterAll(() => rm(directory, { recursive: true }));

test('a package that is not installed is told in one sentence, with what to do', async () => {
  const microphone = microphoneOf(
    createRecordCapture({
      clock: new FakeClock(),
      surroundings: { env: { PATH: directory }, alsaDirectory: '/nowhere', platform: 'linux' },
    }),
  );
  await expect(microphone.start({ onChunk: () => {}, onError: () => {} })).rejects.toMatchObject({
    code: 'AUDIO_BACKEND_MISSING',
    message:
      'The sound backend "record" cannot be used: the package node-record-lpcm16 is not installed; run "npm install node-record-lpcm16".',
  });
});
