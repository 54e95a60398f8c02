import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { doctorAction } from '../../src/cli/doctor.ts';
import { runAction } from '../support/cli-run.ts';
import { skipped } from '../support/skipped.ts';
import { noSoundBy, noVirtualAudio, startVirtualAudio, type VirtualAudio } from '../support/virtual-audio.ts';

describe.skipIf(noVirtualAudio !== undefined)(
  `doctor --sound${skipped(noVirtualAudio)}`,
  { retry: 3 },
  () => {
    let audio: VirtualAudio;
    beforeAll(async () => {
      audio = await startVirtualAudio();
    });
    afterAll(() => audio.stop());

    const lines = async (mic: string, speaker: string) => {
      const env = { ...audio.env, XDG_CONFIG_HOME: '/nowhere', XDG_STATE_HOME: '/tmp' };
      const { stdout } = await runAction(doctorAction, { mic, speaker, sound: true }, env);
      return stdout.split('\n').filter((line) => line.includes('Sound loop'));
    };

    const noSpeaker = noSoundBy('speaker');
    test
      .skipIf(noSpeaker)
      .concurrent(
        `in a room the microphone hears the loudspeaker, and the report says how${skipped(noSpeaker)}`,
        async () => {
          const found = await lines('record:room_microphone', 'speaker:room_loudspeaker');
          expect(found).toEqual([
            expect.stringMatching(
              /^✓ .*speaker:room_loudspeaker → record:room_microphone: heard at -\d+ dBFS, \d+ dB below/,
            ),
            expect.stringMatching(/hears the loudspeaker \d+ ms after it is told to play/),
            // A machine that is busy loses sound and is late, and is told so; the figures have tests of their own.
            expect.stringMatching(/differ by \d+ ppm|sound gets lost/),
            expect.stringMatching(/echo is \d+ dB below what is played with audio\.aec off[,;] /),
          ]);
        },
      );

    const noPortAudio = noSoundBy('naudiodon');
    test
      .skipIf(noPortAudio)
      .concurrent(
        `on separate cables it hears nothing, and the report says what to do${skipped(noPortAudio)}`,
        async () => {
          const found = await lines('portaudio:microphone', 'portaudio:loudspeaker');
          expect(found).toEqual([expect.stringMatching(/^! .*does not hear the loudspeaker/)]);
        },
      );
  },
);
