import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { chooseMicrophone } from '../../../src/adapters/audio/choose-audio.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { chooseSource } from '../../../src/adapters/audio/pipewire-sources.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import type { ChannelChoice, Microphone } from '../../../src/ports/microphone.ts';
import { concat, tone, toneLevelDb } from '../../support/signals.ts';

const directory = mkdtempSync(join(tmpdir(), 'capture-'));
const naudiodon = join(directory, 'naudiodon.cjs');
vi.mock('../../../src/adapters/audio/native-package.ts', async (original) => ({
  ...(await original<object>()),
  packageEntry: (name: string) => (name === 'naudiodon' ? naudiodon : undefined),
  packageDirectory: () => undefined,
}));
vi.mock('../../../src/adapters/audio/portaudio.ts', () => ({
  checkPortAudioDevice: () => Promise.resolve(),
}));
afterAll(() => rmSync(directory, { recursive: true }));

const rate = 16_000;
const channels = 6;
const live = 3;
/** An array of microphones of which only one is connected. */
const recording = join(directory, 'six.raw');
{
  const voice = tone(500, rate, 1000);
  const pcm = new Int16Array(voice.length * channels);
  voice.forEach((sample, at) => {
    pcm[at * channels + live] = sample;
  });
  writeFileSync(recording, Buffer.from(pcm.buffer));
}

/** Programs that record the array, however they are called. */
function programs(...names: string[]): string {
  const path = mkdtempSync(join(directory, 'bin-'));
  const write = (name: string, script: string) => {
    writeFileSync(join(path, name), `#!/bin/sh\nPATH=${process.env.PATH}\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  };
  for (const name of names) write(name, `while :; do cat ${recording}; sleep 0.05; done`);
  const source = `printf 'Source #1\\n\\tName: array\\n\\tDescription: Array\\n\\tSample Specification: s16le ${channels}ch 48000Hz\\n'`;
  if (names.includes('parec'))
    write('pactl', `case $1 in info) echo "Default Source: array" ;; *) ${source} ;; esac`);
  if (names.includes('pw-record')) write('pw-dump', `cat <<'END'\n${JSON.stringify(pipeWire)}\nEND`);
  return path;
}

const positions = Array.from({ length: channels }, (_, index) => `AUX${index}`);
/** As `pw-dump` tells it, less what nobody needs. */
const pipeWire = [
  { type: 'PipeWire:Interface:Client', info: null },
  {
    type: 'PipeWire:Interface:Metadata',
    metadata: [{ key: 'default.audio.source', value: { name: 'array' } }],
  },
  {
    type: 'PipeWire:Interface:Node',
    info: { props: { 'media.class': 'Audio/Sink', 'node.name': 'hdmi', 'audio.channels': 2 } },
  },
  {
    type: 'PipeWire:Interface:Node',
    info: {
      props: { 'media.class': 'Audio/Source', 'node.name': 'array', 'node.description': 'ReSpeaker' },
      params: { EnumFormat: [{ channels, position: positions }], PortConfig: [{ mode: 'none' }] },
    },
  },
];

/** Where this server listens. */
function runtime(socket: string): string {
  const path = mkdtempSync(join(directory, 'run-'));
  mkdirSync(join(path, 'pulse'));
  writeFileSync(join(path, socket), '');
  return path;
}

const usbArray = (() => {
  const path = mkdtempSync(join(directory, 'asound-'));
  writeFileSync(join(path, 'cards'), ' 0 [Array          ]: USB-Audio - ReSpeaker 6 Mic\n');
  writeFileSync(join(path, 'pcm'), '00-00: USB Audio : USB Audio : capture 1\n');
  mkdirSync(join(path, 'Array'));
  const capture = `Capture:\n  Interface 1\n    Channels: ${channels}\n    Rates: 16000\n`;
  writeFileSync(join(path, 'Array/stream0'), capture);
  return path;
})();

writeFileSync(
  naudiodon,
  `const { Readable } = require('node:stream');
const pcm = require('node:fs').readFileSync(${JSON.stringify(recording)});
exports.SampleFormat16Bit = 16;
exports.getDevices = () => [{ id: 0, name: 'Array', maxInputChannels: ${channels}, maxOutputChannels: 0, defaultSampleRate: 48000 }];
exports.AudioIO = ({ inOptions }) => {
  if (inOptions.channelCount !== ${channels}) throw new Error('this card has ${channels} channels');
  const io = new Readable({ read() {} });
  let timer;
  io.start = () => { timer = setInterval(() => io.push(pcm), 50); };
  io.quit = (done) => { clearInterval(timer); done(); };
  return io;
};
`,
);

const ways: Readonly<Record<string, { readonly spec: string; readonly env: Record<string, string> }>> = {
  parec: {
    spec: 'record',
    env: { PATH: programs('parec'), XDG_RUNTIME_DIR: runtime('pulse/native') },
  },
  'pw-record': {
    spec: 'record',
    env: { PATH: programs('pw-record'), XDG_RUNTIME_DIR: runtime('pipewire-0') },
  },
  arecord: { spec: 'record:respeaker', env: { PATH: programs('arecord') } },
  sox: { spec: 'record:respeaker', env: { PATH: programs('sox') } },
  portaudio: { spec: 'portaudio:Array', env: { PATH: process.env.PATH ?? '' } },
};

const opened: Microphone[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((microphone) => microphone.stop()));
});

/** A second of what is heard over one of the ways, and what the person is told. */
async function hear(way: string, channel?: ChannelChoice) {
  const { spec, env } = ways[way] as (typeof ways)[string];
  const told: string[] = [];
  const { device } = await chooseMicrophone(spec, {
    env: { HOME: directory, ...env },
    alsaDirectory: usbArray,
    system: { root: directory },
    pacer: createPacer(monotonicClock, 60),
    channel,
    onProblem: ({ message }) => told.push(message),
  });
  opened.push(device);
  const pieces: Int16Array[] = [];
  const samples = () => pieces.reduce((sum, { length }) => sum + length, 0);
  const sink = { onChunk: (pcm: Int16Array) => void pieces.push(pcm.slice()), onError: () => {} };
  await device.start(sink);
  await vi.waitFor(() => expect(samples()).toBeGreaterThan(rate), 10_000);
  // The first third of a second is needed to find out what is alive.
  return { told, levelDb: toneLevelDb(concat(pieces).subarray(rate / 2, rate), 500, rate) };
}

const full = toneLevelDb(tone(500, rate, 500), 500, rate);

describe.each(Object.keys(ways))('an array of microphones recorded by %s', (way) => {
  test('is heard at the level of the one that is alive', async () => {
    expect(Math.abs((await hear(way)).levelDb - full)).toBeLessThan(1);
  });

  test('is heard by the channel that was asked for, whether or not anything is to be heard there', async () => {
    expect(Math.abs((await hear(way, live)).levelDb - full)).toBeLessThan(1);
    expect((await hear(way, 0)).levelDb).toBeLessThan(-60);
  });

  test('has no channel beyond its last, which is said', async () => {
    await expect(hear(way, channels)).rejects.toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
      message: expect.stringMatching(/has no channel 6: its channels are 0 to 5\. Change audio\.channel/),
    });
  });
});

test('where only one channel comes, a word says that the chosen one is not used', async () => {
  const one = ways.arecord as (typeof ways)[string];
  const told: string[] = [];
  const { device } = await chooseMicrophone('record', {
    env: { HOME: directory, ...one.env },
    alsaDirectory: '/nowhere',
    system: { root: directory },
    platform: 'linux',
    pacer: createPacer(monotonicClock, 60),
    channel: 2,
    onProblem: ({ message }) => told.push(message),
  });
  opened.push(device);
  const sink = { onChunk: () => {}, onError: () => {} };
  for (let start = 0; start < 2; start++) await device.start(sink);
  expect(told).toEqual([expect.stringMatching(/gives one channel only, so audio\.channel 2 is not used/)]);
});

describe('a microphone of PipeWire', () => {
  test.each([
    [undefined, 'array'],
    ['array', 'array'],
    ['respeaker', 'array'],
    ['nobody', undefined],
    ['hdmi', undefined],
  ])('asked for as %s is %s', (wanted, name) => {
    expect(chooseSource(pipeWire, wanted)?.name).toBe(name);
  });

  test.each([[null], [{}], [[null, 7, { type: 'PipeWire:Interface:Node', info: { props: 7, params: [] } }]]])(
    '%j is none',
    (objects) => {
      expect(chooseSource(objects, undefined)).toBeUndefined();
    },
  );
});
