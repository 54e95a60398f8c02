import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type AudioEnvironment,
  chooseLoudspeaker,
  chooseMicrophone,
} from '../../../src/adapters/audio/choose-audio.ts';
import { listAudioDevices } from '../../../src/adapters/audio/list-audio-devices.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { findSoundHardware, listAlsaDevices } from '../../../src/adapters/audio/sound-hardware.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const directory = mkdtempSync(join(tmpdir(), 'choose-'));
afterAll(() => rmSync(directory, { recursive: true }));

const pacer = createPacer(new FakeClock(), 60);
/** A machine without sound, whatever the one has that runs the test. */
const silent: AudioEnvironment = { pacer, env: {}, alsaDirectory: '/nowhere', platform: 'linux' };
const thrownBy = (work: Promise<unknown>) => work.then(() => undefined).catch((thrown: unknown) => thrown);

function alsa(cards: string, pcm = ''): string {
  const path = mkdtempSync(join(directory, 'asound-'));
  writeFileSync(join(path, 'cards'), cards);
  writeFileSync(join(path, 'pcm'), pcm);
  return path;
}

const ONE_CARD = alsa(
  ' 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n',
  '00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1\n00-03: HDMI 0 : HDMI 0 : playback 1\n',
);

describe('is there sound?', () => {
  test('a machine without card and without server has none', () => {
    expect(findSoundHardware(silent)).toBeUndefined();
    expect(findSoundHardware({ ...silent, alsaDirectory: alsa('--- no soundcards ---\n') })).toBeUndefined();
  });

  test('a card, a server in the environment, and a socket of one count', () => {
    mkdirSync(join(directory, 'run/pulse'), { recursive: true });
    writeFileSync(join(directory, 'run/pulse/native'), '');
    mkdirSync(join(directory, 'run2'));
    writeFileSync(join(directory, 'run2/pipewire-0'), '');
    expect([
      findSoundHardware({ ...silent, alsaDirectory: ONE_CARD }),
      findSoundHardware({ ...silent, env: { PULSE_SERVER: 'tcp:host' } }),
      findSoundHardware({ ...silent, env: { XDG_RUNTIME_DIR: join(directory, 'run') } }),
      findSoundHardware({ ...silent, env: { XDG_RUNTIME_DIR: join(directory, 'run2') } }),
      findSoundHardware({ ...silent, platform: 'darwin' }),
    ]).toEqual([
      'an ALSA sound card',
      'the PulseAudio server of PULSE_SERVER',
      'a PulseAudio server',
      'a PipeWire server',
      'the sound system of darwin',
    ]);
  });

  test('the devices of a card are listed with the address that converts rates', () => {
    expect(listAlsaDevices({ ...silent, alsaDirectory: ONE_CARD })).toEqual([
      {
        address: 'plughw:CARD=PCH,DEV=0',
        name: 'HDA Intel PCH, ALC257 Analog',
        capture: true,
        playback: true,
      },
      { address: 'plughw:CARD=PCH,DEV=3', name: 'HDA Intel PCH, HDMI 0', capture: false, playback: true },
    ]);
  });
});

describe('auto', () => {
  test('takes the fallback on a machine without sound, and says why', async () => {
    const fallbackSpec = 'wav:config/demo-speech.wav';
    const choice = await chooseMicrophone('auto', { ...silent, fallbackSpec });
    expect([choice.device.name, choice.reason]).toEqual([fallbackSpec, 'this machine has no sound card']);
    const speaker = await chooseLoudspeaker('auto', { ...silent, fallbackSpec: 'null' });
    expect([speaker.device.name, speaker.reason]).toEqual(['null', 'this machine has no sound card']);
  });

  test('without fallback it is an error that says what to do', async () => {
    expect(await thrownBy(chooseMicrophone('auto', silent))).toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
      message:
        'There is no microphone: this machine has no sound card. Plug one in, or do without: --mic null, or wav:FILE for a recording.',
    });
  });
});

describe('a spec', () => {
  test.each([
    ['null', 'null'],
    ['wav:test/fixtures/speech-short.wav', 'wav:test/fixtures/speech-short.wav'],
  ])('%s is the microphone and the loudspeaker of that name', async (spec, name) => {
    expect((await chooseMicrophone(spec, silent)).device.name).toBe(name);
    expect((await chooseLoudspeaker(spec, silent)).device.name).toBe(name);
  });

  test('a recording that is not there, or cannot be made, is said at once, whatever colons are in its name', async () => {
    expect(await thrownBy(chooseMicrophone('wav:/a/b:c.wav', silent))).toMatchObject({
      code: 'AUDIO_FILE_INVALID',
      message: 'The sound file /a/b:c.wav does not exist; check the path.',
    });
    expect(await thrownBy(chooseLoudspeaker('wav:/a/b:c.wav', silent))).toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
      message: expect.stringContaining('/a/b:c.wav cannot be created'),
    });
  });

  test('record needs a recording program on the PATH, and keeps the colon of an ALSA name', async () => {
    writeFileSync(join(directory, 'sox'), '#!/bin/sh\n');
    chmodSync(join(directory, 'sox'), 0o755);
    const choice = await chooseMicrophone('record:plughw:1,0', { ...silent, env: { PATH: directory } });
    expect([choice.device.name, choice.reason]).toEqual(['record:plughw:1,0', 'as asked for']);
    expect(
      await thrownBy(chooseMicrophone('record', { ...silent, env: { PATH: '/nowhere' } })),
    ).toMatchObject({
      code: 'AUDIO_BACKEND_MISSING',
      message: expect.stringContaining('apt install'),
    });
  });

  test.each(['wav', 'wav:', 'speaker', 'alsa:0', '', 'constructor', 'AUTO'])(
    '%j is no microphone',
    async (spec) => {
      expect(await thrownBy(chooseMicrophone(spec, silent))).toMatchObject({
        code: 'CONFIG_INVALID',
        message: `"${spec}" is no microphone. Choose auto, portaudio[:device], record[:device], wav:FILE, null.`,
      });
    },
  );
});

test('the list for people has every backend, with a reason for each that is missing', async () => {
  const list = await listAudioDevices({ ...silent, env: { PATH: directory } });
  expect(list.map(({ role, spec, problem }) => `${role} ${spec} ${problem ? 'missing' : 'ok'}`)).toEqual([
    'microphone portaudio missing',
    'loudspeaker portaudio missing',
    'microphone record missing',
    'loudspeaker play missing',
    'loudspeaker speaker missing',
    'microphone wav:FILE ok',
    'loudspeaker wav:FILE ok',
    'microphone null ok',
    'loudspeaker null ok',
  ]);
  expect(list[0]?.problem).toMatch(/^This machine has no sound card.*plug in/);
});
