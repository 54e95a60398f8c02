import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findRecorder } from '../../../src/adapters/audio/recorders.ts';
import { alsaAddressOf, alsaRateHz } from '../../../src/adapters/audio/sound-hardware.ts';
import { parseServerDevices } from '../../../src/adapters/audio/sound-server.ts';

const directory = mkdtempSync(join(tmpdir(), 'recorders-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A PATH with these programs. */
function programs(...names: string[]): string {
  const path = mkdtempSync(join(directory, 'bin-'));
  for (const name of names) {
    writeFileSync(join(path, name), '#!/bin/sh\n');
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

/** A runtime directory in which these servers listen. */
function runtime(...sockets: string[]): string {
  const path = mkdtempSync(join(directory, 'run-'));
  mkdirSync(join(path, 'pulse'));
  for (const socket of sockets) writeFileSync(join(path, socket), '');
  return path;
}

/** A Raspberry Pi: HDMI cannot record, a USB microphone can, at two rates only. */
const PI = (() => {
  const path = mkdtempSync(join(directory, 'asound-'));
  writeFileSync(
    join(path, 'cards'),
    ' 0 [vc4hdmi0       ]: vc4-hdmi - vc4-hdmi-0\n                      vc4-hdmi-0\n' +
      ' 1 [Device         ]: USB-Audio - USB PnP Sound Device\n                      C-Media at usb-1.2\n',
  );
  writeFileSync(
    join(path, 'pcm'),
    '00-00: MAI PCM i2s-hifi-0 : MAI PCM i2s-hifi-0 : playback 1\n01-00: USB Audio : USB Audio : capture 1\n',
  );
  mkdirSync(join(path, 'Device'));
  writeFileSync(join(path, 'Device/stream0'), 'Capture:\n  Interface 1\n    Rates: 44100, 48000\n');
  return path;
})();

const everything = programs('parec', 'pw-record', 'arecord', 'sox');
const nothing = '/nowhere';

describe('the recording program', () => {
  test.each([
    ['parec', 'PulseAudio runs', everything, runtime('pulse/native')],
    ['parec', 'PipeWire runs and speaks PulseAudio', everything, runtime('pulse/native', 'pipewire-0')],
    ['pw-record', 'PipeWire runs alone', everything, runtime('pipewire-0')],
    ['arecord', 'no server runs', everything, runtime()],
    [
      'arecord',
      'a server runs but its program is missing',
      programs('arecord', 'sox'),
      runtime('pulse/native'),
    ],
    ['sox', 'nothing else is installed', programs('sox'), runtime()],
    [undefined, 'nothing is installed', programs(), runtime('pulse/native')],
  ])('is %s when %s', (name, _when, PATH, XDG_RUNTIME_DIR) => {
    const recorder = findRecorder({ env: { PATH, XDG_RUNTIME_DIR }, alsaDirectory: nothing });
    expect(recorder?.name).toBe(name);
  });

  test('an ALSA address goes past the server', () => {
    const env = { PATH: everything, XDG_RUNTIME_DIR: runtime('pulse/native') };
    expect(findRecorder({ env, alsaDirectory: nothing }, 'plughw:1,0')?.name).toBe('arecord');
  });

  test('every program is asked for raw mono with little delay', async () => {
    const commandOf = async (PATH: string, XDG_RUNTIME_DIR: string, device?: string) => {
      const command = await findRecorder(
        { env: { PATH, XDG_RUNTIME_DIR }, alsaDirectory: PI },
        device,
      )?.command(device);
      return `${command?.cmd} ${command?.args.join(' ')}`;
    };
    expect([
      await commandOf(everything, runtime('pulse/native')),
      await commandOf(everything, runtime('pipewire-0'), 'desk'),
      await commandOf(everything, runtime(), 'usb pnp'),
      await commandOf(programs('sox'), runtime()),
    ]).toEqual([
      'parec --raw --format=s16le --rate=16000 --channels=1 --latency-msec=20 --client-name=xiaozhi-speaker',
      'pw-record --format s16 --rate 16000 --channels 1 --latency 20ms --target desk -',
      'arecord -D plughw:CARD=Device,DEV=0 -q -t raw -f S16_LE -c 1 -r 48000 --period-time=20000 --buffer-time=200000',
      'sox -q --buffer 1024 -t alsa -r 48000 -c 1 plughw:CARD=Device,DEV=0 -r 48000 -c 1 -b 16 -e signed-integer -t raw -',
    ]);
  });
});

test('a source asked for by name is watched for the server taking another one', async () => {
  const PATH = programs('parec', 'pactl');
  const listing = 'Source #2\n\tName: usb_desk\n\tDescription: Desk\n';
  writeFileSync(join(PATH, 'pactl'), `#!/bin/sh\n/bin/echo '${listing}'\n`);
  const recorder = findRecorder({ env: { PATH, PULSE_SERVER: 'x' }, alsaDirectory: nothing });
  expect(await recorder?.command('desk')).toMatchObject({
    source: 'usb_desk',
    env: { LC_ALL: 'C' },
    args: expect.arrayContaining(['--verbose', '--device=usb_desk']),
  });
  const aliased = await recorder?.command('@DEFAULT_SOURCE@');
  expect(aliased?.args).toContain('--device=@DEFAULT_SOURCE@');
  expect(aliased?.source).toBeUndefined();
  // Where nothing is asked for it is the server's choice, by its name: a monitor in its place is no microphone.
  expect((await recorder?.command(undefined))?.source).toBe('usb_desk');
});

describe('an ALSA device', () => {
  const pi = { env: {}, alsaDirectory: PI };

  test('is found by address, by name and by part of it; without a name it is the first that can', () => {
    expect([
      alsaAddressOf(pi, undefined, 'capture'),
      alsaAddressOf(pi, undefined, 'playback'),
      alsaAddressOf(pi, 'pnp sound', 'capture'),
      alsaAddressOf(pi, 'hw:7,0', 'capture'),
      alsaAddressOf(pi, 'my_asoundrc_name', 'capture'),
    ]).toEqual([
      'plughw:CARD=Device,DEV=0',
      undefined,
      'plughw:CARD=Device,DEV=0',
      'hw:7,0',
      'my_asoundrc_name',
    ]);
  });

  test('runs at a rate of its own, because its conversion is poor', () => {
    expect([
      alsaRateHz(pi, 'plughw:CARD=Device,DEV=0', 16_000),
      alsaRateHz(pi, 'plughw:CARD=Device,DEV=0', 44_100),
      alsaRateHz(pi, 'plughw:0,0', 24_000),
      alsaRateHz({ env: {}, alsaDirectory: nothing }, undefined, 16_000),
    ]).toEqual([48_000, 44_100, 48_000, 16_000]);
  });
});

test('the devices of a sound server are read from its list, monitors left out', () => {
  const list =
    'Source #1\n\tState: IDLE\n\tName: alsa_output.pci.analog-stereo.monitor\n\tDescription: Monitor\n' +
    'Source #2\n\tState: RUNNING\n\tName: alsa_input.usb-Mic-00.mono\n\tDescription: USB "Desk" Mic\n\tProperties:\n\t\tName: no\n';
  expect(parseServerDevices(list)).toEqual([
    {
      name: 'alsa_input.usb-Mic-00.mono',
      description: 'USB "Desk" Mic',
      muted: false,
      volumePercent: undefined,
      channels: 1,
    },
  ]);
  expect(parseServerDevices('')).toEqual([]);
});
