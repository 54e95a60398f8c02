import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { listAudioDevices } from '../../../src/adapters/audio/list-audio-devices.ts';
import { createPortAudioLoudspeaker } from '../../../src/adapters/audio/loudspeaker-naudiodon.ts';
import { createNullLoudspeaker } from '../../../src/adapters/audio/loudspeaker-null.ts';
import { createSpeakerLoudspeaker } from '../../../src/adapters/audio/loudspeaker-speaker.ts';
import { createWavLoudspeaker } from '../../../src/adapters/audio/loudspeaker-wav.ts';
import { createRecordMicrophone } from '../../../src/adapters/audio/microphone-lpcm16.ts';
import { createPortAudioMicrophone } from '../../../src/adapters/audio/microphone-naudiodon.ts';
import { createNullMicrophone } from '../../../src/adapters/audio/microphone-null.ts';
import { createWavMicrophone } from '../../../src/adapters/audio/microphone-wav.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import type { Loudspeaker } from '../../../src/ports/loudspeaker.ts';
import type { Microphone } from '../../../src/ports/microphone.ts';
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

const pacer = createPacer(monotonicClock, 60);
const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const usable = (await listAudioDevices({ env: process.env })).filter(({ problem }) => problem === undefined);
const has = (role: string, backend: string) =>
  usable.some((entry) => entry.role === role && entry.backend === backend);

const microphones: readonly [string, () => Microphone][] = [
  ['record', () => createRecordMicrophone({ clock: monotonicClock })],
  ['portaudio', () => createPortAudioMicrophone()],
];
for (const [backend, create] of microphones) {
  describe(`${backend} microphone`, () => {
    if (has('microphone', backend)) {
      microphoneContract(() => Promise.resolve({ microphone: create(), pass, exact: false }));
    } else {
      test.skip('skipped: the probe finds no such device on this machine', () => {});
    }
  });
}

const loudspeakers: readonly [string, () => Loudspeaker][] = [
  ['speaker', () => createSpeakerLoudspeaker({ pacer })],
  ['portaudio', () => createPortAudioLoudspeaker({ pacer })],
];
for (const [backend, create] of loudspeakers) {
  describe(`${backend} loudspeaker`, () => {
    if (has('loudspeaker', backend)) {
      loudspeakerContract(() => Promise.resolve({ loudspeaker: create(), pass }));
    } else {
      test.skip('skipped: the probe finds no such device on this machine', () => {});
    }
  });
}
