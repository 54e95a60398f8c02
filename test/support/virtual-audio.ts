import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packageEntry } from '../../src/adapters/audio/native-package.ts';
import { createPcmReader } from '../../src/adapters/audio/pcm-bytes.ts';
import { concat } from './signals.ts';
import { withoutPrograms } from './skipped.ts';

// Sound in real time beside tests that compute: what is measured is the device, not the waiting for a processor.
try {
  setPriority(-10);
} catch {
  // Only root may; others have the retries.
}

const script = fileURLToPath(new URL('../../scripts/virtual-audio', import.meta.url));

/** Why there can be no virtual sound here; undefined when there can. */
export const noVirtualAudio = withoutPrograms('pulseaudio', 'pactl', 'parec', 'pacat', 'arecord');

/** Why ALSA's programs and the sound packages cannot reach a sound server; undefined when they can. */
export const noAlsaRoad = readdirSync('/usr/lib', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .some(({ name }) => existsSync(`/usr/lib/${name}/alsa-lib/libasound_module_pcm_pulse.so`))
  ? undefined
  : 'libasound2-plugins is not installed; scripts/setup does it';

/** Why nothing can be heard or played here by a sound package; undefined when it can. */
export function noSoundBy(packageName: 'speaker' | 'naudiodon'): string | undefined {
  if (noVirtualAudio !== undefined) return noVirtualAudio;
  if (noAlsaRoad !== undefined) return noAlsaRoad;
  return packageEntry(packageName) === undefined
    ? `the package ${packageName} is not installed; scripts/setup and npm run packages do it`
    : undefined;
}

export interface VirtualAudio {
  /** For what shall use it: the server and ALSA's configuration. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Records what a loudspeaker plays; `hears` resolves when sound comes in. */
  listen(source?: string): Promise<Listener>;
  /** Plays into a microphone. Resolves when all of it has been taken. */
  play(pcm: Int16Array, sampleRateHz: number, sink?: string): Promise<void>;
  pactl(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface Listener {
  readonly sampleRateHz: number;
  /** Everything heard so far. */
  heard(): Int16Array;
  /** When (`performance.now`) the last sample of `heard()` arrived. */
  readonly lastAtMs: number;
  stop(): Promise<void>;
}

const LISTEN_RATE_HZ = 24_000;

/** Software sound cards for this test file: a private PulseAudio. */
export async function startVirtualAudio(): Promise<VirtualAudio> {
  const { stdout } = await promisify(execFile)(script, ['--owner', String(process.pid)]);
  const exported = Object.fromEntries(
    [...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const env = { ...process.env, ...exported };
  return {
    env,
    listen: (source = 'loudspeaker.monitor') => listen(source, env),
    play: (pcm, sampleRateHz, sink = 'to_microphone') => play(pcm, sampleRateHz, sink, env),
    pactl: async (...args) => (await promisify(execFile)('pactl', args, { env })).stdout,
    stop: () => end(Number(exported.VIRTUAL_AUDIO_PID)),
  };
}

async function listen(source: string, env: VirtualAudio['env']): Promise<Listener> {
  const args = ['-d', source, '--raw', '--format=s16le', `--rate=${LISTEN_RATE_HZ}`, '--channels=1'];
  const child = spawn('parec', [...args, '--latency-msec=10'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const pieces: Int16Array[] = [];
  let lastAtMs = 0;
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`parec ended with ${code}`)));
    const read = createPcmReader((pcm) => {
      pieces.push(pcm.slice());
      lastAtMs = performance.now();
      resolve();
    });
    child.stdout.on('data', read);
  });
  return {
    sampleRateHz: LISTEN_RATE_HZ,
    heard: () => concat(pieces),
    get lastAtMs() {
      return lastAtMs;
    },
    stop: () => {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill();
      return gone;
    },
  };
}

async function play(
  pcm: Int16Array,
  sampleRateHz: number,
  sink: string,
  env: VirtualAudio['env'],
): Promise<void> {
  const args = ['-d', sink, '--raw', '--format=s16le', `--rate=${sampleRateHz}`, '--channels=1'];
  const child = spawn('pacat', [...args, '--latency-msec=200'], {
    env,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.end(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
  await new Promise((resolve) => child.once('exit', resolve));
}

async function end(pid: number): Promise<void> {
  process.kill(pid);
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
