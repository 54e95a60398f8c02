import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type AudioEnvironment,
  chooseLoudspeaker,
  chooseMicrophone,
} from '../../src/adapters/audio/choose-audio.ts';
import { createNullLoudspeaker } from '../../src/adapters/audio/loudspeaker-null.ts';
import { createPacer } from '../../src/adapters/audio/pacer.ts';
import { keepSound } from '../../src/app-voice.ts';
import { checkSound } from '../../src/cli/doctor/sound-checks.ts';
import { ConfigSchema } from '../../src/config/schema.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import type { Microphone } from '../../src/ports/microphone.ts';
import { concat, tone, toneLevelDb } from '../support/signals.ts';
import { skipped } from '../support/skipped.ts';
import {
  openOnce,
  playInto,
  plugIn,
  type ServerKind,
  type SoundEnv,
  soundPlace,
  soundServers,
} from '../support/sound-servers.ts';

const pacer = createPacer(monotonicClock, 60);
const soon = { timeout: 15_000, interval: 50 };
const rate = 16_000;

/** What `run` does with the sound of this place. */
async function openRoom(env: SoundEnv, microphone = 'auto', changes: Partial<AudioEnvironment> = {}) {
  const told: string[] = [];
  const environment: AudioEnvironment = {
    env,
    pacer,
    alsaDirectory: '/nowhere',
    onProblem: ({ code, message }) => told.push(`${code}: ${message}`),
    ...changes,
  };
  const chosen = {
    microphone: await chooseMicrophone(microphone, environment),
    loudspeaker: await chooseLoudspeaker('auto', environment),
    silence: createNullLoudspeaker({ pacer }),
  };
  const display = {
    show: (event: { type: string; code?: string; message?: string }) => {
      if (event.type === 'error') told.push(`${event.code}: ${event.message}`);
    },
  };
  const say = (line: string) => told.push(line);
  const sound = keepSound({ clock: monotonicClock, say, display, env }, chosen);
  onTestFinished(async () => {
    await Promise.all([sound.microphone.stop(), sound.loudspeaker.stop()]);
  });
  return { ...sound, told, reasons: [chosen.microphone.reason, chosen.loudspeaker.reason] };
}

async function listenTo(microphone: Microphone) {
  let pieces: Int16Array[] = [];
  let gone = '';
  const sink = {
    onChunk: (pcm: Int16Array) => {
      pieces = [...pieces, pcm.slice()].slice(-20);
    },
    onError: ({ message }: Error) => {
      gone = message;
    },
  };
  await microphone.start(sink);
  return {
    levelDb: (hz: number) => {
      const last = concat(pieces).subarray(-rate / 5);
      return last.length === 0 ? Number.NEGATIVE_INFINITY : toneLevelDb(last, hz, rate);
    },
    forget: () => {
      pieces = [];
    },
    gone: () => gone,
    again: () => microphone.start(sink),
  };
}

describe.each(Object.keys(soundServers) as ServerKind[])('sound as people have it, on %s', (kind) => {
  const missing = soundServers[kind];
  describe.skipIf(missing)(`a private server${skipped(missing)}`, { retry: 2, timeout: 60_000 }, () => {
    test('a microphone that is unplugged leaves no monitor in its place, and auto comes back to it', async () => {
      const place = await soundPlace();
      await place.start(kind);
      await place.pactl('load-module', 'module-null-sink', 'sink_name=hdmi');
      const usb = await plugIn(place.pactl, 'usb');
      await place.pactl('set-default-source', 'usb');
      await place.pactl('set-default-sink', 'hdmi');
      playInto('hdmi', tone(900, rate, 1000), 1, 'mono', place.env);
      const { microphone, told, reasons } = await openRoom(place.env);
      expect(reasons[1]).toMatch(/it is ".*(hdmi|Null Output).*"/i);
      const ear = await listenTo(microphone);
      await usb.unplug();
      await vi.waitFor(() => expect(ear.gone()).toMatch(/record:usb was lost/), soon);
      ear.forget();
      await expect(ear.again()).rejects.toThrow(/no microphone, only monitors|cannot be opened/);
      await plugIn(place.pactl, 'usb');
      playInto('to_usb', tone(500, rate, 1000), 1, 'mono', place.env);
      await vi.waitFor(() => ear.again(), { timeout: 15_000, interval: 500 });
      await vi.waitFor(() => expect(ear.levelDb(500)).toBeGreaterThan(-30), soon);
      expect(ear.levelDb(900)).toBeLessThan(-50);
      expect(told.join('\n')).not.toMatch(/monitor .* is used/);
    });

    test('auto goes on with another microphone, and comes back to a replugged one', async () => {
      const place = await soundPlace();
      await place.start(kind);
      const usb = await plugIn(place.pactl, 'usb');
      await plugIn(place.pactl, 'builtin');
      await place.pactl('set-default-source', 'usb');
      playInto('to_builtin', tone(900, rate, 1000), 1, 'mono', place.env);
      const { microphone, told } = await openRoom(place.env);
      const ear = await listenTo(microphone);
      await usb.unplug();
      await vi.waitFor(() => expect(ear.levelDb(900)).toBeGreaterThan(-30), soon);
      expect(told[0]).toMatch(/^AUDIO_DEVICE_REPLACED: The microphone record:usb was lost .* is used\.$/);
      await plugIn(place.pactl, 'usb');
      // It is taken again in a pause, or after a minute.
      await place.pactl('set-sink-mute', 'to_builtin', '1');
      playInto('to_usb', tone(500, rate, 1000), 1, 'mono', place.env);
      await vi.waitFor(() => expect(ear.levelDb(500)).toBeGreaterThan(-30), soon);
    });

    test.each([
      ['one live channel of six', 6, 'aux0,aux1,aux2,aux3,aux4,aux5', [0, 0, 0, 1, 0, 0]],
      ['one live channel of eight', 8, 'aux0,aux1,aux2,aux3,aux4,aux5,aux6,aux7', [0, 0, 0, 0, 0, 0, 0, 1]],
      ['two in antiphase', 2, 'front-left,front-right', [1, -1]],
    ])('%s is heard at its level', async (_, channels, map, gains) => {
      const place = await soundPlace();
      await place.start(kind);
      await plugIn(place.pactl, 'array', { channels, map });
      await place.pactl('set-default-source', 'array');
      const mono = tone(500, rate, 1000);
      const pcm = new Int16Array(mono.length * channels);
      mono.forEach((sample, at) => {
        gains.forEach((gain, channel) => {
          pcm[at * channels + channel] = sample * gain;
        });
      });
      playInto('to_array', pcm, channels, map, place.env);
      const { microphone, told } = await openRoom(place.env);
      const ear = await listenTo(microphone);
      const full = toneLevelDb(mono.subarray(-rate / 5), 500, rate);
      await vi.waitFor(() => expect(Math.abs(ear.levelDb(500) - full)).toBeLessThan(2), soon);
      if (channels === 2) expect(told.join('\n')).toMatch(/AUDIO_INPUT_POOR: .* cancel each other/);
    });

    if (kind === 'PipeWire')
      test('an array is heard by its live channel, or the one asked for, where only PipeWire’s own recorder is installed', async () => {
        const place = await soundPlace();
        await place.start(kind);
        const map = 'aux0,aux1,aux2,aux3,aux4,aux5';
        await plugIn(place.pactl, 'array', { channels: 6, map });
        await place.pactl('set-default-source', 'array');
        const mono = tone(500, rate, 1000);
        const pcm = new Int16Array(mono.length * 6);
        mono.forEach((sample, at) => {
          pcm[at * 6 + 3] = sample;
        });
        playInto('to_array', pcm, 6, map, place.env);
        const bin = `${place.directory}/bin`;
        mkdirSync(bin);
        for (const name of ['pw-record', 'pw-dump']) symlinkSync(whereIs(name), `${bin}/${name}`);
        const env = { ...place.env, PATH: bin };
        const full = toneLevelDb(mono.subarray(-rate / 5), 500, rate);
        for (const [channel, level] of [
          [undefined, full],
          [3, full],
          [1, -90],
        ] as const) {
          const { microphone } = await openRoom(env, 'record', { channel });
          const ear = await listenTo(microphone);
          await vi.waitFor(
            () => expect(Math.abs(Math.max(-90, ear.levelDb(500)) - level)).toBeLessThan(2),
            soon,
          );
          await microphone.stop();
        }
      });

    test('a muted microphone is said by doctor, and after seconds of silence by the device', async () => {
      const place = await soundPlace();
      await place.start(kind);
      await place.pactl('load-module', 'module-null-sink', 'sink_name=hdmi');
      await plugIn(place.pactl, 'usb');
      await place.pactl('set-default-source', 'usb');
      await openOnce('usb', place.env);
      await place.pactl('set-source-mute', 'usb', '1');
      const { microphone, told, reasons } = await openRoom(place.env);
      expect(reasons[0]).toMatch(/, which is muted$/);
      await listenTo(microphone);
      await vi.waitFor(() => expect(told).toHaveLength(1), soon);
      expect(told[0]).toMatch(
        /^AUDIO_INPUT_SILENT: The microphone record:usb is open .* is muted: run "pactl set-source-mute usb 0"\.$/,
      );
      const findings = await checkSound(
        ConfigSchema.parse({ server: { url: 'wss://example.org' } }),
        place.env,
      );
      expect(JSON.stringify(findings)).toContain('pactl set-source-mute usb 0');
    });

    test('a server that comes late is waited for and taken, also where it left a stale socket', async () => {
      const place = await soundPlace();
      leaveStaleSocket(`${place.env.XDG_RUNTIME_DIR}/pulse/native`);
      const { microphone, loudspeaker, reasons, told } = await openRoom(place.env);
      for (const reason of reasons)
        expect(reason).toMatch(/^not there yet \(a PulseAudio server does not answer at .*native\)/);
      await loudspeaker.start(() => {});
      await place.start(kind);
      await plugIn(place.pactl, 'usb');
      await place.pactl('set-default-source', 'usb');
      playInto('to_usb', tone(500, rate, 1000), 1, 'mono', place.env);
      const ear = await listenTo(microphone);
      await vi.waitFor(() => expect(ear.levelDb(500)).toBeGreaterThan(-30), soon);
      await vi.waitFor(
        () => expect(told.join('\n')).toMatch(/Loudspeaker: (play|speaker|portaudio) again/),
        soon,
      );
    });
  });
});

const whereIs = (program: string): string =>
  spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();

/** The file that a killed server leaves behind. */
function leaveStaleSocket(path: string): void {
  const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', listen]);
}
