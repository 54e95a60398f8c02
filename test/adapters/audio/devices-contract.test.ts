import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { createNullLoudspeaker } from '../../../src/adapters/audio/loudspeaker-null.ts';
import { createWavLoudspeaker } from '../../../src/adapters/audio/loudspeaker-wav.ts';
import { createNullMicrophone } from '../../../src/adapters/audio/microphone-null.ts';
import { createWavMicrophone } from '../../../src/adapters/audio/microphone-wav.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { loudspeakerContract } from '../../contract/loudspeaker.contract.ts';
import { microphoneContract } from '../../contract/microphone.contract.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const SPEECH = new URL('../../fixtures/speech-two-turns.wav', import.meta.url).pathname;

function simulated() {
  const clock = new FakeClock();
  return { pacer: createPacer(clock, 60), pass: (ms: number) => clock.advanceAsync(ms) };
}

describe('null microphone', () => {
  microphoneContract(() => {
    const { pacer, pass } = simulated();
    return Promise.resolve({ microphone: createNullMicrophone({ pacer }), pass, exact: true });
  });
});

describe('wav microphone', () => {
  microphoneContract(() => {
    const { pacer, pass } = simulated();
    return Promise.resolve({ microphone: createWavMicrophone(SPEECH, { pacer }), pass, exact: true });
  });
});

describe('null loudspeaker', () => {
  loudspeakerContract(() => {
    const { pacer, pass } = simulated();
    return Promise.resolve({ loudspeaker: createNullLoudspeaker({ pacer }), pass });
  });
});

describe('wav loudspeaker', () => {
  loudspeakerContract(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'loudspeaker-'));
    const { pacer, pass } = simulated();
    return {
      loudspeaker: createWavLoudspeaker(join(directory, 'out.wav'), { pacer }),
      pass,
      dispose: () => rm(directory, { recursive: true }),
    };
  });
});
