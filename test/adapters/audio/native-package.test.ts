import { expect, test } from 'vitest';
import { probeError, probePackage } from '../../../src/adapters/audio/native-package.ts';

test('a package that is not installed is a missing backend, with the line that installs it', async () => {
  const probe = await probePackage('no-such-sound-package');
  expect(probe).toMatchObject({ ok: false, installed: false });
  expect(!probe.ok && probeError('speaker', probe)).toMatchObject({
    code: 'AUDIO_BACKEND_MISSING',
    message: expect.stringContaining('npm install no-such-sound-package'),
  });
});

test('what a package says is handed over, without its noise', async () => {
  expect(await probePackage('ws', '"noise\\n" + JSON.stringify(typeof loaded)')).toEqual({
    ok: true,
    output: '"function"',
  });
});

test('a package that takes the process down takes only the child, and counts as a missing device', async () => {
  const probe = await probePackage('ws', 'process.abort()');
  expect(probe).toMatchObject({ ok: false, installed: true });
  expect(!probe.ok && probeError('speaker', probe)).toMatchObject({ code: 'AUDIO_DEVICE_MISSING' });
});
