import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseLoudspeaker, chooseMicrophone } from '../../../src/adapters/audio/choose-audio.ts';
import { isDevicePresent } from '../../../src/adapters/audio/device-presence.ts';
import { createPacer } from '../../../src/adapters/audio/pacer.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const directory = mkdtempSync(join(tmpdir(), 'presence-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A machine with a USB microphone and a headphone output. */
writeFileSync(
  join(directory, 'cards'),
  ' 0 [Headphones     ]: bcm2835_headpho - bcm2835 Headphones\n 1 [Device         ]: USB-Audio - USB PnP Sound Device\n',
);
writeFileSync(
  join(directory, 'pcm'),
  '00-00: bcm2835 Headphones : bcm2835 Headphones : playback 8\n01-00: USB Audio : USB Audio : capture 1\n',
);
const cards = { env: { PATH: directory }, alsaDirectory: directory, platform: 'linux' } as const;
const nothing = { ...cards, alsaDirectory: '/nowhere' };
const server = { ...nothing, env: { PATH: `${directory}:/usr/bin:/bin`, PULSE_SERVER: 'unix:/nowhere' } };

describe('is it plugged in?', () => {
  test.each([
    ['microphone', undefined, cards, true],
    ['microphone', 'usb', cards, true],
    ['microphone', 'plughw:CARD=Device,DEV=0', cards, true],
    ['microphone', 'headphones', cards, false],
    ['loudspeaker', 'headphones', cards, true],
    ['loudspeaker', 'usb', cards, false],
    ['loudspeaker', undefined, nothing, false],
    ['microphone', 'plughw:CARD=Gone,DEV=0', cards, false],
    // Nobody can tell; opening it will.
    ['microphone', 'dsnoop:1', cards, true],
    ['microphone', '@DEFAULT_SOURCE@', nothing, true],
  ] as const)('%s %s', async (role, device, surroundings, there) => {
    expect(await isDevicePresent(role, device, surroundings)).toBe(there);
  });

  test('a sound server is asked by name and description, and a dead one has nothing', async () => {
    const pactl = (script: string) => {
      writeFileSync(join(directory, 'pactl'), `#!/bin/sh\n${script}\n`);
      chmodSync(join(directory, 'pactl'), 0o755);
    };
    pactl("printf 'Source #1\\n\\tName: alsa_input.usb\\n\\tDescription: Headset Mono\\n'");
    expect(await isDevicePresent('microphone', 'headset', server)).toBe(true);
    expect(await isDevicePresent('microphone', 'webcam', server)).toBe(false);
    pactl('exit 1');
    expect(await isDevicePresent('microphone', undefined, server)).toBe(false);
    expect(await isDevicePresent('loudspeaker', 'room.monitor', server)).toBe(true);
  });
});

test('only what can be unplugged has candidates', async () => {
  const environment = { ...cards, pacer: createPacer(new FakeClock(), 60) };
  writeFileSync(join(directory, 'sox'), '#!/bin/sh\n');
  chmodSync(join(directory, 'sox'), 0o755);
  const specs = async (spec: string) =>
    (await chooseMicrophone(spec, environment)).candidates.map((candidate) => candidate.spec);
  expect([await specs('null'), await specs('record:usb')]).toEqual([[], ['record:usb']]);
  expect((await chooseLoudspeaker('null', environment)).candidates).toEqual([]);
});
