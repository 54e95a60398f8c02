import { ClientError, ErrorCode } from '../../core/errors.ts';
import { findProgram } from './find-program.ts';
import { alsaAddressOf, alsaRateHz, findSoundServer, type SoundSurroundings } from './sound-hardware.ts';
import { findServerDevice } from './sound-server.ts';

/** A program that plays raw mono 16-bit sound from its standard input. */
export interface PlayerCommand {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sampleRateHz: number;
}

export type PlayerName = 'pacat' | 'aplay';

export interface Player {
  readonly name: PlayerName;
  /** From a write to the sound, beyond what was written before, in ms; measured on the virtual cable. */
  readonly latencyMs: number;
  /** @throws ClientError AUDIO_DEVICE_MISSING */
  command(device: string | undefined): Promise<PlayerCommand>;
}

/** The rate of speech that servers send; a sound server converts with a good filter. */
const SPEECH_RATE_HZ = 24_000;
/** Held by the sound server, so that a moment in which this machine is busy is not heard, in ms. It adds no delay … */
const SERVER_BUFFER_MS = 100;
/** … because playing begins when all but so much of it is full: less than one frame, else a short sound would wait for the next. */
const SERVER_REQUEST_MS = 60;
/** Divides every frame, so that no end of one waits for the next. */
const ALSA_PERIOD_MS = 20;
/** What the card holds, so that a moment in which this machine is busy is not heard. */
const ALSA_BUFFER_MS = 80;

/**
 * The playing program to use: that of the sound server when one is running; else one for ALSA, which also takes over when an
 * ALSA address (`plughw:…`) is asked for. The mirror of `findRecorder`.
 */
export function findPlayer(surroundings: SoundSurroundings, device?: string): Player | undefined {
  const { env } = surroundings;
  const has = (program: PlayerName) => findProgram(program, env.PATH) !== undefined;
  const server = device?.includes(':') ? undefined : findSoundServer(surroundings);
  if (server?.speaksPulse && has('pacat')) return pacat(env);
  return has('aplay') ? aplay(surroundings) : undefined;
}

export function playerMissing(): ClientError {
  return new ClientError(
    ErrorCode.audioBackendMissing,
    'No playing program is installed. Run "apt install pulseaudio-utils" for pacat where a sound server runs, else "apt install alsa-utils" for aplay.',
  );
}

function pacat(env: SoundSurroundings['env']): Player {
  const command = async (device: string | undefined) => {
    const sink = device === undefined ? undefined : await findServerDevice('sinks', device, env);
    const format = ['--playback', '--raw', '--format=s16le', `--rate=${SPEECH_RATE_HZ}`, '--channels=1'];
    const asked = [`--latency-msec=${SERVER_BUFFER_MS}`, `--process-time-msec=${SERVER_REQUEST_MS}`];
    const known = ['--client-name=xiaozhi-speaker'];
    const where = sink === undefined ? [] : [`--device=${sink}`];
    const args = [...format, ...asked, ...known, ...where];
    return { cmd: 'pacat', args, env: { ...env, LC_ALL: 'C' }, sampleRateHz: SPEECH_RATE_HZ };
  };
  return { name: 'pacat', latencyMs: 40, command };
}

function aplay(surroundings: SoundSurroundings): Player {
  const command = (device: string | undefined) => {
    const address = alsaAddressOf(surroundings, device, 'playback');
    const sampleRateHz = alsaRateHz(surroundings, address, SPEECH_RATE_HZ);
    const format = ['-q', '-t', 'raw', '-f', 'S16_LE', '-c', '1', '-r', String(sampleRateHz)];
    const asked = [`--period-time=${ALSA_PERIOD_MS * 1000}`, `--buffer-time=${ALSA_BUFFER_MS * 1000}`];
    // Else it begins only when its buffer is full.
    const soon = ['--start-delay=1'];
    const where = address === undefined ? [] : ['-D', address];
    const args = [...where, ...format, ...asked, ...soon];
    return Promise.resolve({ cmd: 'aplay', args, env: { ...surroundings.env, LC_ALL: 'C' }, sampleRateHz });
  };
  return { name: 'aplay', latencyMs: 40, command };
}
