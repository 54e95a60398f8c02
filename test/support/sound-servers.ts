import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished, vi } from 'vitest';

export type SoundEnv = Readonly<Record<string, string | undefined>>;

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const missing = (programs: readonly string[]) =>
  programs.filter((program) => !has(program)).map((program) => `${program} is not installed`)[0];

/** Sound servers of this machine that can be run in private, each with why it cannot. */
export const soundServers = {
  PulseAudio: missing(['pulseaudio', 'pactl', 'parec', 'pacat']),
  PipeWire: missing(['pipewire', 'pipewire-pulse', 'wireplumber', 'dbus-run-session', 'pactl', 'parec']),
} as const;

export type ServerKind = keyof typeof soundServers;

/** A place for a private sound server, which is not started yet. Nothing of this machine's own sound is touched. */
export async function soundPlace() {
  const directory = await mkdtemp(join(tmpdir(), 'sound-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'run/pulse'), { recursive: true, mode: 0o700 });
  const alsa = '</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n';
  await writeFile(join(directory, 'asound.conf'), alsa);
  const { PULSE_SERVER, DBUS_SESSION_BUS_ADDRESS, PULSE_RUNTIME_PATH, ...rest } = process.env;
  const env: SoundEnv = {
    ...rest,
    HOME: directory,
    XDG_CONFIG_HOME: directory,
    XDG_STATE_HOME: directory,
    XDG_RUNTIME_DIR: join(directory, 'run'),
    ALSA_CONFIG_PATH: join(directory, 'asound.conf'),
  };
  const pactl = async (...words: string[]) =>
    (await promisify(execFile)('pactl', words, { env })).stdout.trim();
  return { directory, env, pactl, start: (kind: ServerKind) => start(kind, directory, env) };
}

const soon = { timeout: 15_000, interval: 50 };

async function start(kind: ServerKind, directory: string, env: SoundEnv) {
  const child = kind === 'PulseAudio' ? await startPulseAudio(directory, env) : startPipeWire(env);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // It has ended already.
    }
    return exited;
  };
  onTestFinished(kill);
  await vi.waitFor(async () => {
    const { stdout } = await promisify(execFile)('pactl', ['info'], { env });
    if (kind === 'PipeWire' && !/PipeWire/.test(stdout)) throw new Error('not yet');
  }, soon);
  // The session manager has to be there before devices are made.
  if (kind === 'PipeWire') await new Promise((resolve) => setTimeout(resolve, 500));
  return { kill };
}

async function startPulseAudio(directory: string, env: SoundEnv) {
  const socket = join(directory, 'run/pulse/native');
  const server = `load-module module-native-protocol-unix auth-anonymous=1 auth-cookie-enabled=0 socket=${socket}\n`;
  await writeFile(join(directory, 'server.pa'), server);
  await rm(socket, { force: true });
  const options = [
    '--daemonize=no',
    '--use-pid-file=no',
    '--exit-idle-time=-1',
    '--disable-shm=yes',
    '--realtime=no',
  ];
  return spawn('pulseaudio', ['-n', '-F', join(directory, 'server.pa'), ...options], {
    env,
    stdio: 'ignore',
    detached: true,
  });
}

function startPipeWire(env: SoundEnv) {
  const programs = 'pipewire & sleep 0.3; wireplumber & pipewire-pulse & wait';
  return spawn('dbus-run-session', ['--', 'sh', '-c', programs], { env, stdio: 'ignore', detached: true });
}

/** A microphone that can be plugged in and out: it hears what is played into the sink `to_NAME`. */
export async function plugIn(
  pactl: (...words: string[]) => Promise<string>,
  name: string,
  { channels = 1, map = 'mono' } = {},
) {
  const format = [`channels=${channels}`, `channel_map=${map}`, 'rate=48000'];
  const sink = await pactl('load-module', 'module-null-sink', `sink_name=to_${name}`, ...format);
  const source = await pactl(
    'load-module',
    'module-remap-source',
    `source_name=${name}`,
    `master=to_${name}.monitor`,
    `channels=${channels}`,
    `channel_map=${map}`,
    `master_channel_map=${map}`,
    'remix=no',
  );
  return {
    unplug: async () => {
      await pactl('unload-module', source);
      await pactl('unload-module', sink);
    },
  };
}

/** Plays interleaved sound into a sink without an end, until the test is over. */
export function playInto(sink: string, pcm: Int16Array, channels: number, map: string, env: SoundEnv) {
  const format = [
    '--raw',
    '--format=s16le',
    '--rate=16000',
    `--channels=${channels}`,
    `--channel-map=${map}`,
  ];
  const child = spawn('pacat', ['-d', sink, ...format, '--no-remix', '--no-remap', '--latency-msec=100'], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => {});
  const bytes = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  const more = () => {
    while (child.stdin.writable && child.stdin.write(bytes));
  };
  child.stdin.on('drain', more);
  more();
  onTestFinished(() => void child.kill('SIGKILL'));
  return { stop: () => child.kill('SIGKILL') };
}

/** Opens a source until the first sound comes: one of PipeWire 1.4 that never was open forgets that it is muted. */
export async function openOnce(source: string, env: SoundEnv): Promise<void> {
  const child = spawn('parec', ['-d', source, '--raw'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
