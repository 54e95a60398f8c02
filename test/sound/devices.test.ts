import { afterAll, beforeAll, describe } from 'vitest';
import { microphoneOf } from '../../src/adapters/audio/capture.ts';
import { createPortAudioLoudspeaker } from '../../src/adapters/audio/loudspeaker-naudiodon.ts';
import { createPlayLoudspeaker } from '../../src/adapters/audio/loudspeaker-play.ts';
import { createSpeakerLoudspeaker } from '../../src/adapters/audio/loudspeaker-speaker.ts';
import { createRecordCapture } from '../../src/adapters/audio/microphone-lpcm16.ts';
import { createPortAudioCapture } from '../../src/adapters/audio/microphone-naudiodon.ts';
import { createPacer, type Pacer } from '../../src/adapters/audio/pacer.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { Microphone } from '../../src/ports/microphone.ts';
import { loudspeakerContract } from '../contract/loudspeaker.contract.ts';
import { microphoneContract } from '../contract/microphone.contract.ts';
import { skipped } from '../support/skipped.ts';
import {
  noAlsaRoad,
  noSoundBy,
  noVirtualAudio,
  startVirtualAudio,
  type VirtualAudio,
} from '../support/virtual-audio.ts';
import { loudspeakerOnRealSound } from './loudspeaker-cases.ts';
import { microphoneOnRealSound } from './microphone-cases.ts';
import { wait } from './sound.ts';

// Real time cannot be hurried, so everything runs at once, each row on sound cards of its own. And it cannot be held up: on a
// machine that is busy for a moment sound has holes, so a test may try again; a fault of ours fails every time.
const retry = 3;

type Env = VirtualAudio['env'];
/** No sound card of this machine, only the virtual ones. */
const only = (env: Env) => ({ env, alsaDirectory: '/nowhere' });
const clock = monotonicClock;

const microphones: Readonly<Record<string, (env: Env, device: string | undefined) => Microphone>> = {
  'record, by parec': (env, device) =>
    microphoneOf(createRecordCapture({ clock, device, surroundings: only(env) })),
  'record, by arecord': (env, device) =>
    microphoneOf(
      createRecordCapture({ clock, device: `pulse:${device ?? 'microphone'}`, surroundings: only(env) }),
    ),
  portaudio: (env, device) => microphoneOf(createPortAudioCapture({ clock, device, env })),
};

const loudspeakers: Readonly<
  Record<string, (env: Env, pacer: Pacer, device: string | undefined) => Loudspeaker>
> = {
  'play, by pacat': (env, pacer, device) => createPlayLoudspeaker({ pacer, device, surroundings: only(env) }),
  'play, by aplay': (env, pacer, device) =>
    createPlayLoudspeaker({ pacer, device: `pulse:${device ?? 'loudspeaker'}`, surroundings: only(env) }),
  speaker: (env, pacer, device) => createSpeakerLoudspeaker({ pacer, device, surroundings: only(env) }),
  portaudio: (env, pacer, device) => createPortAudioLoudspeaker({ pacer, device, env }),
};

describe.skipIf(noVirtualAudio !== undefined)(`real sound${skipped(noVirtualAudio)}`, () => {
  for (const [name, create] of Object.entries(microphones)) {
    const missing = packageOf(name);
    atOnce(`${name} microphone`, missing, (audio) => microphoneOnRealSound(audio, create));
    // The same code as parec's row from here on.
    if (name === 'record, by arecord') continue;
    atOnce(`${name} microphone contract`, missing, (audio) =>
      microphoneContract(() =>
        Promise.resolve({ microphone: create(audio().env, undefined), pass: wait, exact: false }),
      ),
    );
  }
  for (const [name, create] of Object.entries(loudspeakers)) {
    const pacer = createPacer(clock, 60);
    const missing = packageOf(name);
    atOnce(`${name} loudspeaker contract`, missing, (audio) =>
      loudspeakerContract(() =>
        Promise.resolve({ loudspeaker: create(audio().env, pacer, undefined), pass: wait }),
      ),
    );
    atOnce(`${name} loudspeaker`, missing, (audio) =>
      loudspeakerOnRealSound(audio, (env, device) => create(env, pacer, device)),
    );
  }
});

/** Why a row cannot be tried: most need programs only. */
function packageOf(row: string): string | undefined {
  if (row === 'portaudio') return noSoundBy('naudiodon');
  if (row === 'speaker') return noSoundBy('speaker');
  return / by (arecord|aplay)$/.test(row) ? noAlsaRoad : undefined;
}

/** Beside the other rows, but in itself one test after the other. */
function atOnce(name: string, missing: string | undefined, tests: (audio: () => VirtualAudio) => void): void {
  const title = `${name}${noVirtualAudio === undefined ? skipped(missing) : ''}`;
  describe.skipIf(missing).concurrent(title, { retry }, () => {
    describe.sequential('', () => {
      let audio: VirtualAudio;
      beforeAll(async () => {
        audio = await startVirtualAudio();
      });
      afterAll(() => audio.stop());
      tests(() => audio);
    });
  });
}
