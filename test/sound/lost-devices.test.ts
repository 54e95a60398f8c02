import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type AudioEnvironment,
  chooseLoudspeaker,
  chooseMicrophone,
} from '../../src/adapters/audio/choose-audio.ts';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { keepSound } from '../../src/app-voice.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { Microphone } from '../../src/ports/microphone.ts';
import type { StatusDisplay } from '../../src/ports/status-display.ts';
import { concat, tone, toneLevelDb } from '../support/signals.ts';
import { skipped } from '../support/skipped.ts';
import { noSoundBy, noVirtualAudio } from '../support/virtual-audio.ts';

const pacer = createPacer(monotonicClock, 60);
const soon = { timeout: 15_000, interval: 50 };

describe.skipIf(noVirtualAudio !== undefined)(
  `lost and found${skipped(noVirtualAudio)}`,
  { retry: 3 },
  () => {
    const [noSpeaker, noPortAudio] = [noSoundBy('speaker'), noSoundBy('naudiodon')];
    let directory: string;
    let env: Readonly<Record<string, string | undefined>>;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'lost-devices-'));
      env = await writeServerConfiguration(directory);
    });
    afterAll(() => rm(directory, { recursive: true }));

    test.skipIf(noSpeaker)(
      `devices named by the user come back with their sound server, and the conversation goes on meanwhile${skipped(noSpeaker)}`,
      async () => {
        const server = await startServer(env);
        const { microphone, loudspeaker, told } = await openRoom('record:usb', 'speaker:usb', env);
        const ear = await listenTo(microphone);
        const answer = await playOn(loudspeaker);
        await vi.waitFor(() => expect(ear.hears(500)).toBe(true), soon);
        await server.stop();
        await vi.waitFor(() => {
          expect(ear.gone()).toMatch(/record:usb was lost/);
          expect(told).toEqual([
            expect.stringMatching(
              /^AUDIO_DEVICE_LOST: .*speaker:usb was lost .*Until it is back, nothing is heard/,
            ),
          ]);
        }, soon);
        const writtenMs = answer.writtenMs();
        await vi.waitFor(() => expect(answer.writtenMs()).toBeGreaterThan(writtenMs + 300), soon);
        await startServer(env);
        const again = await listenTo(microphone);
        await vi.waitFor(() => expect(again.hears(500)).toBe(true), soon);
        expect(told.slice(1)).toEqual(
          expect.arrayContaining(['Microphone: record:usb again', 'Loudspeaker: speaker:usb again']),
        );
      },
    );

    test('a microphone asked for by name is lost when the sound server takes another one in its place', async () => {
      await startServer(env);
      const { microphone } = await openRoom('record:usb', 'null', env);
      const ear = await listenTo(microphone);
      const { stdout } = await promisify(execFile)('pactl', ['list', 'short', 'modules'], { env });
      const [, id] = /^(\d+)\tmodule-remap-source/m.exec(stdout) ?? [];
      await promisify(execFile)('pactl', ['unload-module', String(id)], { env });
      await vi.waitFor(() => expect(ear.gone()).toMatch(/record:usb was lost/), soon);
      await promisify(execFile)(
        'pactl',
        [
          'load-module',
          'module-remap-source',
          'source_name=usb_microphone',
          'master=usb_loudspeaker.monitor',
        ],
        { env },
      );
      const again = await listenTo(microphone);
      expect([microphone.name, again.gone()]).toEqual(['record:usb', '']);
    });

    test.skipIf(noSpeaker)(
      `helper and recorder are out of reach of the terminal, whose Ctrl-C would end them before their time${skipped(noSpeaker)}`,
      async () => {
        await startServer(env);
        const { microphone, loudspeaker } = await openRoom('record', 'speaker', env);
        await listenTo(microphone);
        await loudspeaker.start(() => {});
        const { stdout } = await promisify(execFile)('ps', [
          '-o',
          'pid=,pgid=,args=',
          '--ppid',
          `${process.pid}`,
        ]);
        const children = stdout.split('\n').filter((line) => /soundHelperProgram|parec/.test(line));
        expect(children).toHaveLength(2);
        for (const line of children) expect(line).toMatch(/^\s*(\d+)\s+\1\s/);
      },
    );

    test.skipIf(noPortAudio)(
      `what PortAudio calls its devices is in no other list: only trying tells whether it is back${skipped(noPortAudio)}`,
      async () => {
        await startServer(env);
        const environment = { env, pacer, alsaDirectory: '/nowhere' };
        const { candidates } = await chooseMicrophone('portaudio:default', environment);
        expect(await candidates[0]?.isThere()).toBe(true);
      },
    );

    test('a recorder that crashes in the middle of a word is started again', async () => {
      await startServer(env);
      const { microphone, loudspeaker, told } = await openRoom('auto', 'auto', env);
      const ear = await listenTo(microphone);
      await playOn(loudspeaker);
      await vi.waitFor(() => expect(ear.hears(500)).toBe(true), soon);
      // Younger devices are not trusted to open a second time.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      await killRecorders(env);
      await vi.waitFor(
        () =>
          expect(told).toEqual([
            expect.stringMatching(
              /^AUDIO_DEVICE_REPLACED: .*was lost .* record:usb_microphone is open again/,
            ),
          ]),
        soon,
      );
      ear.forget();
      await vi.waitFor(() => expect(ear.hears(500)).toBe(true), soon);
      expect(ear.gone()).toBe('');
    });
  },
);

type Env = Readonly<Record<string, string | undefined>>;

/** One sound card named usb, whose microphone hears its loudspeaker. */
async function writeServerConfiguration(directory: string): Promise<Env> {
  const server = [
    `load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket=${directory}/socket`,
    'load-module module-null-sink sink_name=usb_loudspeaker norewinds=1',
    'load-module module-remap-source source_name=usb_microphone master=usb_loudspeaker.monitor',
    'set-default-source usb_microphone',
  ];
  await writeFile(join(directory, 'server.pa'), `${server.join('\n')}\n`);
  const alsa = '</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n';
  await writeFile(join(directory, 'asound.conf'), alsa);
  return {
    ...process.env,
    HOME: directory,
    XDG_CONFIG_HOME: directory,
    XDG_RUNTIME_DIR: directory,
    PULSE_RUNTIME_PATH: directory,
    PULSE_SERVER: `unix:${directory}/socket`,
    ALSA_CONFIG_PATH: join(directory, 'asound.conf'),
  };
}

async function startServer(env: Env) {
  const directory = env.HOME ?? '';
  await rm(join(directory, 'socket'), { force: true });
  const options = ['--daemonize=no', '--use-pid-file=no', '--exit-idle-time=-1', '--disable-shm=yes'];
  const child = spawn('pulseaudio', ['-n', '-F', join(directory, 'server.pa'), ...options, '--realtime=no'], {
    env,
    stdio: 'ignore',
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = () => {
    child.kill('SIGKILL');
    return exited;
  };
  onTestFinished(stop);
  await vi.waitFor(() => promisify(execFile)('pactl', ['info'], { env }), soon);
  return { stop };
}

/** Those of this sound server, which it knows by their process id. */
async function killRecorders(env: Env): Promise<void> {
  const { stdout } = await promisify(execFile)('pactl', ['list', 'source-outputs'], {
    env: { ...env, LC_ALL: 'C' },
  });
  for (const [, pid] of stdout.matchAll(/application\.process\.id = "(\d+)"/g))
    process.kill(Number(pid), 'SIGKILL');
}

async function openRoom(mic: string, speaker: string, env: Env) {
  const environment: AudioEnvironment = { env, pacer, alsaDirectory: '/nowhere' };
  const told: string[] = [];
  const chosen = {
    microphone: await chooseMicrophone(mic, environment),
    loudspeaker: await chooseLoudspeaker(speaker, environment),
    silence: createNullLoudspeaker({ pacer }),
  };
  const display: StatusDisplay = {
    show: (event) => {
      if (event.type === 'error') told.push(`${event.code}: ${event.message}`);
    },
  };
  const say = (line: string) => told.push(line);
  const sound = keepSound({ clock: monotonicClock, say, display, env }, chosen);
  onTestFinished(async () => {
    await Promise.all([sound.microphone.stop(), sound.loudspeaker.stop()]);
  });
  return { told, ...sound };
}

async function listenTo(microphone: Microphone) {
  let pieces: Int16Array[] = [];
  let gone = '';
  await microphone.start({
    onChunk: (pcm) => {
      pieces = [...pieces, pcm.slice()].slice(-20);
    },
    onError: ({ message }) => {
      gone = message;
    },
  });
  return {
    hears: (hz: number) => hears(concat(pieces), hz, microphone.sampleRateHz),
    gone: () => gone,
    forget: () => {
      pieces = [];
    },
  };
}

/** A steady tone, as an answer that never ends. */
async function playOn(loudspeaker: Loudspeaker) {
  await loudspeaker.start(() => {});
  let on = true;
  let frames = 0;
  const play = async () => {
    while (on) {
      await loudspeaker.write(tone(500, loudspeaker.sampleRateHz, 60));
      frames += 1;
    }
  };
  const playing = play();
  // A loudspeaker that is closed takes everything at once.
  onTestFinished(() => {
    on = false;
    return playing;
  });
  return { writtenMs: () => frames * 60 };
}

function hears(pcm: Int16Array, hz: number, sampleRateHz: number): boolean {
  const last = pcm.subarray(-sampleRateHz / 5);
  return last.length > 0 && toneLevelDb(last, hz, sampleRateHz) > -30;
}
