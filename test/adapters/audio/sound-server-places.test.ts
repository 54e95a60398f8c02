import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  findDeadServer,
  findSoundHardware,
  foreignServerAdvice,
  whyNoSound,
} from '../../../src/adapters/audio/sound-hardware.ts';
import {
  findPipeWirePlace,
  findPulsePlace,
  withRuntimeDirectory,
} from '../../../src/adapters/audio/sound-server-places.ts';

const directory = mkdtempSync(join(tmpdir(), 'places-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A machine whose system directories hold these files. */
function machine(files: Readonly<Record<string, string>> = {}) {
  const root = mkdtempSync(join(directory, 'root-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { root, uid: 1000, home: join(root, 'home') };
}

describe("PulseAudio's server is looked for where its library looks:", () => {
  const found = (system: ReturnType<typeof machine>, env = {}) => {
    const place = findPulsePlace({ HOME: system.home, ...env }, system);
    return [place?.socket?.replace(system.root, ''), place?.namedBy?.replace(system.root, '')];
  };

  test.each([
    ['the server of the whole system', { 'run/pulse/native': '' }, {}, ['/run/pulse/native', undefined]],
    [
      'the runtime directory, although nobody has set it',
      { 'run/user/1000/pulse/native': '' },
      {},
      ['/run/user/1000/pulse/native', undefined],
    ],
    [
      'client.conf of the user',
      { 'home/.config/pulse/client.conf': '; default-server = /no\ndefault-server = unix:/srv/pulse\n' },
      {},
      ['/srv/pulse', '/home/.config/pulse/client.conf'],
    ],
    [
      'client.conf of the system, and what lies beside it',
      {
        'etc/pulse/client.conf': 'autospawn = no\n',
        'etc/pulse/client.conf.d/10-server.conf': 'default-server = {abc}unix:/srv/x tcp:other\n',
      },
      {},
      ['/srv/x', '/etc/pulse/client.conf.d/10-server.conf'],
    ],
    [
      'PULSE_SERVER, before everything',
      { 'run/pulse/native': '' },
      { PULSE_SERVER: 'unix:/there' },
      ['/there', 'PULSE_SERVER'],
    ],
    ['a server in the network', {}, { PULSE_SERVER: 'tcp:kitchen:4713' }, [undefined, 'PULSE_SERVER']],
    ['nowhere else', { 'run/user/1001/pulse/native': '' }, {}, [undefined, undefined]],
  ])('%s', (_, files, env, place) => {
    expect(found(machine(files as Record<string, string>), env)).toEqual(place);
  });

  test('PULSE_RUNTIME_PATH, and the link in the home directory', () => {
    const system = machine({ 'own/native': '', 'etc/machine-id': 'abcd\n', 'linked/native': '' });
    mkdirSync(join(system.home, '.config/pulse'), { recursive: true });
    symlinkSync(join(system.root, 'linked'), join(system.home, '.config/pulse/abcd-runtime'));
    expect(found(system, { PULSE_RUNTIME_PATH: join(system.root, 'own') })[0]).toBe('/own/native');
    expect(found(system)[0]).toBe('/home/.config/pulse/abcd-runtime/native');
  });
});

test("PipeWire's server is found without XDG_RUNTIME_DIR, and its programs are told of the directory", () => {
  const system = machine({ 'run/user/1000/pipewire-0': '' });
  expect(findPipeWirePlace({}, system)?.socket).toBe(join(system.root, 'run/user/1000/pipewire-0'));
  expect(withRuntimeDirectory({ A: 'b' }, system)).toEqual({
    A: 'b',
    XDG_RUNTIME_DIR: join(system.root, 'run/user/1000'),
  });
  expect(withRuntimeDirectory({ XDG_RUNTIME_DIR: '/mine' }, system)).toEqual({ XDG_RUNTIME_DIR: '/mine' });
});

test('.asoundrc alone counts as sound; without anything it is said where was looked', () => {
  const system = machine({ 'home/.asoundrc': 'pcm.!default { type plug slave.pcm "bluealsa" }\n' });
  const surroundings = {
    env: { HOME: system.home },
    system,
    alsaDirectory: '/nowhere',
    platform: 'linux',
  } as const;
  expect(findSoundHardware(surroundings)).toBe(`a device configured in ${system.home}/.asoundrc`);
  const empty = machine();
  expect(whyNoSound({ env: {}, system: empty }).replaceAll(empty.root, '')).toBe(
    'this machine has no sound card, and no sound server listens at /run/user/1000/pulse/native, /run/pulse/native, /var/run/pulse/native',
  );
});

test('a socket whose server is gone does not answer; one that listens does', async () => {
  const system = machine({ 'run/pulse/native': '' });
  expect(await findDeadServer({ env: {}, system })).toBe(
    `a PulseAudio server does not answer at ${system.root}/run/pulse/native`,
  );
  const socket = join(directory, 'live');
  const server = createServer().listen(socket);
  expect(await findDeadServer({ env: { PULSE_SERVER: `unix:${socket}` }, system })).toBeUndefined();
  server.close();
  expect(await findDeadServer({ env: {}, system: machine() })).toBeUndefined();
});

describe('a program that runs with sudo, where the sound server is that of who called it,', () => {
  const files = {
    'run/user/1000/pulse/native': '',
    'run/user/1001/pipewire-0': '',
    'etc/passwd': 'root:x:0:0::/root:/bin/bash\npi:x:1000:1000:,,,:/home/pi:/bin/bash\n',
  };
  const asRoot = (env: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = files) => {
    const system = { ...machine(more), uid: 0 };
    return { env: { HOME: system.home, ...env }, system };
  };

  test('is told whose it is, with the line that helps', () => {
    const sudo = asRoot({ SUDO_UID: '1000', SUDO_USER: 'pi' });
    expect(foreignServerAdvice(sudo)).toBe(
      'The sound server belongs to pi, and this program runs with sudo, so it cannot use it. Start it as pi, without sudo; from root that is "sudo -u pi XDG_RUNTIME_DIR=/run/user/1000 npm start".',
    );
    // Nobody knows its name.
    expect(foreignServerAdvice(asRoot({ SUDO_UID: '1001' }))).toContain('belongs to user 1001');
    expect(foreignServerAdvice(asRoot({}))).toContain('runs as another user');
  });

  test('is told nothing where it has a server of its own, or nobody has one', () => {
    expect(foreignServerAdvice(asRoot({ PULSE_SERVER: 'tcp:host' }))).toBeUndefined();
    expect(foreignServerAdvice(asRoot({}, { ...files, 'run/user/0/pulse/native': '' }))).toBeUndefined();
    expect(foreignServerAdvice(asRoot({}, { 'run/user/1000/bus': '' }))).toBeUndefined();
  });
});
