import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSpeakerLoudspeaker } from '../../src/adapters/audio/loudspeaker-speaker.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { createRecorder } from '../../src/app-recorder.ts';
import { ConfigSchema } from '../../src/config/schema.ts';
import { monotonicClock as clock } from '../../src/core/clock.ts';
import { FakeMicrophone } from '../support/fake-microphone.ts';
import { skipped } from '../support/skipped.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { noVirtualAudio, startVirtualAudio, type VirtualAudio } from '../support/virtual-audio.ts';
import { rms, speech } from './sound.ts';

describe.skipIf(noVirtualAudio !== undefined)(`real sound${skipped(noVirtualAudio)}`, () => {
  let audio: VirtualAudio;
  beforeAll(async () => {
    audio = await startVirtualAudio();
  });
  afterAll(() => audio.stop());

  // Sound has holes on a machine that is busy for a moment.
  test('"system" is what any program plays through the sound server', { retry: 3 }, async () => {
    const directory = await temporaryDirectory();
    const { recorder, close } = createRecorder({
      config: ConfigSchema.parse({ recordings: { directory: join(directory, 'recordings') } }),
      stateDirectory: directory,
      env: audio.env,
      clock,
      codec: await loadOpusCodec(),
      display: { show: () => {} },
      microphone: new FakeMicrophone(),
      loudspeaker: createSpeakerLoudspeaker({
        pacer: createPacer(clock, 60),
        surroundings: { env: audio.env },
      }),
    });
    const { file, hears } = await recorder.start('system', undefined, new AbortController().signal);
    expect(hears).toBe('everything this computer plays (the monitor of its sound server)');
    const { pcm, sampleRateHz } = await speech();
    await audio.play(pcm, sampleRateHz, 'loudspeaker');
    await close();
    const heard = await readWavFile(file);
    expect(heard.pcm.length / heard.sampleRateHz).toBeGreaterThan((pcm.length / sampleRateHz) * 0.9);
    expect(rms(heard.pcm)).toBeGreaterThan(rms(pcm) / 4);
  });
});
