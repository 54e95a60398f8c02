import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openVoice, soundSpecs } from '../src/app-voice.ts';
import { ConfigSchema } from '../src/config/schema.ts';
import type { StatusEvent } from '../src/ports/status-display.ts';
import { parts, whyNot } from './native/support.ts';
import { FakeLoudspeaker, FakeMicrophone } from './support/device-harness.ts';
import { FakeClock } from './support/fake-clock.ts';

async function open(settings: object) {
  const clock = new FakeClock();
  const devices = { microphone: new FakeMicrophone(), loudspeaker: new FakeLoudspeaker(clock) };
  const said: string[] = [];
  const events: StatusEvent[] = [];
  const config = ConfigSchema.parse(settings);
  const display = { show: (event: StatusEvent) => events.push(event) };
  const voice = await openVoice({ config, clock, display, say: (line) => said.push(line) }, devices);
  voice.close();
  const { listeningMode, voiceOverAnswer, voiceDetector, wakeWordDetector } = voice;
  return {
    said,
    events,
    listeningMode,
    voiceOverAnswer,
    detector: voiceDetector?.constructor.name,
    wakeWordDetector,
    isWrapped: voice.microphone !== devices.microphone,
  };
}

const plain = { said: [], events: [], wakeWordDetector: undefined };

describe('without echo cancelling', () => {
  it('the device listens and speaks in turn, and loads nothing', async () => {
    expect(await open({})).toEqual({
      ...plain,
      listeningMode: 'auto',
      voiceOverAnswer: 'unheard',
      detector: undefined,
      isWrapped: false,
    });
  });

  it('realtime mode is warned of once', async () => {
    const { said, listeningMode, voiceOverAnswer } = await open({ conversation: { mode: 'realtime' } });
    expect(said).toEqual([
      'In realtime mode without echo cancelling (audio.aec) the device hears itself: use headphones, or set audio.aec.',
    ]);
    expect([listeningMode, voiceOverAnswer]).toEqual(['realtime', 'unheard']);
  });
});

it.each([
  ['system', 'realtime', 'interrupts'],
  ['server', 'realtime', 'unheard'],
])('echo cancelled by the %s: both may talk at once (B11)', async (aec, listeningMode, voiceOverAnswer) => {
  const opened = await open({ audio: { aec } });
  expect(opened).toMatchObject({ ...plain, listeningMode, voiceOverAnswer, isWrapped: false });
});

it('a mode that was chosen stays', async () => {
  expect(await open({ audio: { aec: 'system' }, conversation: { mode: 'auto' } })).toMatchObject({
    listeningMode: 'auto',
  });
});

it('an answer that must not be interrupted becomes softer', async () => {
  expect(await open({ audio: { aec: 'system' }, conversation: { bargeIn: false } })).toMatchObject({
    listeningMode: 'realtime',
    voiceOverAnswer: 'softens',
  });
});

it.runIf(parts.createEchoCanceller)(
  `the add-on cancels echo${whyNot(parts.createEchoCanceller)}`,
  async () => {
    const opened = await open({ audio: { aec: 'native' } });
    expect(opened).toMatchObject({
      ...plain,
      listeningMode: 'realtime',
      voiceOverAnswer: 'interrupts',
      isWrapped: true,
    });
    expect(opened.detector).toBe(parts.createVoiceDetector && 'NativeVoiceDetector');
  },
);

it.each([
  ['wake word', { wakeWord: { modelDirectory: '/nowhere' } }, /wake word model in \/nowhere/],
  ['voice', { audio: { voiceModel: '/nowhere.onnx' } }, /voice model \/nowhere\.onnx/],
])('a %s model that cannot be used is said at the start', async (_, settings, words) => {
  await expect(open(settings)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringMatching(words),
  });
});

describe('the devices for audio.aec "system"', () => {
  const config = (audio: object = {}) => ConfigSchema.parse({ audio: { aec: 'system', ...audio } });

  /** A sound server with a device of this name among its sources and sinks. */
  async function withServer<T>(name: string, use: (env: { PATH: string }) => Promise<T>): Promise<T> {
    const directory = await mkdtemp(join(tmpdir(), 'pactl-'));
    const listing = `Source #1\n\tName: ${name}\n\tDescription: something\n`;
    await writeFile(
      join(directory, 'pactl'),
      `#!/bin/sh\nprintf '${listing.replaceAll('\n', '\\n').replaceAll('\t', '\\t')}'\n`,
    );
    await chmod(join(directory, 'pactl'), 0o755);
    try {
      return await use({ PATH: `${directory}:${process.env.PATH}` });
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  it('are those of the sound server', async () => {
    expect(await withServer('echo-cancel-source', (env) => soundSpecs(config(), env))).toEqual({
      microphone: 'record:echo-cancel',
      loudspeaker: 'speaker:echo-cancel',
    });
  });

  it('are asked for with the command that makes them', async () => {
    await expect(withServer('usb-mic', (env) => soundSpecs(config(), env))).rejects.toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
      message: expect.stringContaining('pactl load-module module-echo-cancel'),
    });
  });

  it('are the user’s where they are named, and nobody is asked', async () => {
    const named = { microphone: 'record:mine', loudspeaker: 'speaker:mine' };
    expect(await soundSpecs(config(named), { PATH: '' })).toEqual(named);
  });

  it('are the configured ones for any other aec', async () => {
    expect(await soundSpecs(ConfigSchema.parse({}), {})).toEqual({ microphone: 'auto', loudspeaker: 'auto' });
  });
});
