import { ClientError, ErrorCode } from '../../core/errors.ts';
import { findProgram } from './find-program.ts';
import { findPipeWireSource } from './pipewire-sources.ts';
import {
  alsaAddressOf,
  alsaChannels,
  alsaRateHz,
  findSoundServer,
  type SoundSurroundings,
} from './sound-hardware.ts';
import { findDefaultSource, findServerDevice, listServerDevices, type ServerDevice } from './sound-server.ts';

/** A program that writes raw sound to its standard output. */
export interface RecorderCommand {
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sampleRateHz: number;
  /** Interleaved in what it writes. */
  readonly channels: number;
  /** The device of the sound server that was asked for; being moved to another one is then as good as losing it. */
  readonly source?: string;
  /** Nothing was asked for: another microphone of the server will do, a monitor will not. */
  readonly anyWillDo?: boolean;
}

/** What a recorder has to know of a source. */
export type ServerSource = Pick<ServerDevice, 'name' | 'channels'>;

export type RecorderName = 'parec' | 'pw-record' | 'arecord' | 'sox';

export interface Recorder {
  readonly name: RecorderName;
  /** Why this one, in words. */
  readonly reason: string;
  /** Sound it holds back, asked for, in ms. */
  readonly latencyMs: number;
  /**
   * @param source the device of the sound server, where it is known already: nobody has to be asked
   * @throws ClientError AUDIO_DEVICE_MISSING
   */
  command(device: string | undefined, source?: ServerSource): Promise<RecorderCommand>;
}

/** Speech needs no more; a sound server converts with a good filter. */
const SPEECH_RATE_HZ = 16_000;
/** Where nothing else is asked for: what an echo canceller and a detector want to hear soon. */
export const CAPTURE_PIECE_MS = 20;
/** Sound that ALSA keeps while this machine is busy; it delays nothing. */
const ALSA_BUFFER_MS = 200;

/**
 * The recording program to use: that of the sound server when one is running, because a card it holds cannot be opened past
 * it; else one for ALSA, which also takes over when an ALSA address (`plughw:…`) is asked for.
 * @param pieceMs sound that it hands over at once: fewer pieces cost less, and those of a whole frame delay nothing
 */
export function findRecorder(
  surroundings: SoundSurroundings,
  device?: string,
  pieceMs = CAPTURE_PIECE_MS,
): Recorder | undefined {
  const { env } = surroundings;
  const has = (program: RecorderName) => findProgram(program, env.PATH) !== undefined;
  const server = device?.includes(':') ? undefined : findSoundServer(surroundings);
  if (server?.speaksPulse && has('parec')) return parec(`${server.name} is running`, env, pieceMs);
  if (server?.speaksPipeWire && has('pw-record')) return pwRecord(`${server.name} is running`, env, pieceMs);
  if (has('arecord')) return arecord('arecord is installed', surroundings, pieceMs);
  if (has('sox')) return sox('sox is installed', surroundings);
  return undefined;
}

export function recorderMissing(): ClientError {
  return new ClientError(
    ErrorCode.audioBackendMissing,
    'No recording program is installed. Run "apt install pulseaudio-utils" for parec where a sound server runs, else "apt install alsa-utils" for arecord.',
  );
}

function parec(reason: string, env: SoundSurroundings['env'], pieceMs: number): Recorder {
  const command = async (device: string | undefined, known?: ServerSource) => {
    const { name: source, channels } = known ?? (await findSource(device, env));
    // As they are: the server would take the mean, which is wrong for arrays of microphones.
    const several = channels > 1 ? ['--no-remix', '--no-remap'] : [];
    const format = [
      '--raw',
      '--format=s16le',
      `--rate=${SPEECH_RATE_HZ}`,
      `--channels=${channels}`,
      ...several,
    ];
    const asked = [`--latency-msec=${pieceMs}`, '--client-name=xiaozhi-speaker'];
    const command = { cmd: 'parec', env: { ...env, LC_ALL: 'C' }, sampleRateHz: SPEECH_RATE_HZ, channels };
    if (source === undefined) return { ...command, args: [...format, ...asked] };
    // Only so does it tell that the server has moved it.
    const isAlias = source.startsWith('@');
    return {
      ...command,
      ...(isAlias ? {} : { source, anyWillDo: device === undefined && known === undefined }),
      args: [...format, ...asked, '--verbose', `--device=${source}`],
    };
  };
  return { name: 'parec', reason, latencyMs: pieceMs, command };
}

/** Where nothing is asked for, the server's choice by its name: a monitor is no microphone. */
async function findSource(
  device: string | undefined,
  env: SoundSurroundings['env'],
): Promise<{ readonly name: string | undefined; readonly channels: number }> {
  if (device === undefined) return (await findDefaultSource(env)) ?? { name: undefined, channels: 1 };
  const [name, sources] = await Promise.all([
    findServerDevice('sources', device, env),
    listServerDevices('sources', env),
  ]);
  return sources.find((one) => one.name === name) ?? { name, channels: 1 };
}

function pwRecord(reason: string, env: SoundSurroundings['env'], pieceMs: number): Recorder {
  const command = async (device: string | undefined) => {
    const known = await findPipeWireSource(device, env);
    const channels = known?.channels ?? 1;
    const target = device === undefined ? [] : ['--target', known?.name ?? device];
    const format = ['--format', 's16', '--rate', String(SPEECH_RATE_HZ), '--channels', String(channels)];
    // With the names of the source nothing is mixed on the way.
    const map = known && known.positions.length > 1 ? ['--channel-map', known.positions.join(',')] : [];
    const args = [...format, ...map, '--latency', `${pieceMs}ms`, ...target, '-'];
    return { cmd: 'pw-record', args, env, sampleRateHz: SPEECH_RATE_HZ, channels };
  };
  return { name: 'pw-record', reason, latencyMs: pieceMs, command };
}

function arecord(reason: string, surroundings: SoundSurroundings, pieceMs: number): Recorder {
  const command = (device: string | undefined) => {
    const address = alsaAddressOf(surroundings, device, 'capture');
    const sampleRateHz = alsaRateHz(surroundings, address, SPEECH_RATE_HZ);
    const channels = alsaChannels(surroundings, address);
    const format = ['-q', '-t', 'raw', '-f', 'S16_LE', '-c', String(channels), '-r', String(sampleRateHz)];
    const asked = [`--period-time=${pieceMs * 1000}`, `--buffer-time=${ALSA_BUFFER_MS * 1000}`];
    const where = address === undefined ? [] : ['-D', address];
    const args = [...where, ...format, ...asked];
    return Promise.resolve({ cmd: 'arecord', args, env: surroundings.env, sampleRateHz, channels });
  };
  return { name: 'arecord', reason, latencyMs: pieceMs, command };
}

function sox(reason: string, surroundings: SoundSurroundings): Recorder {
  const command = (device: string | undefined) => {
    const address = alsaAddressOf(surroundings, device, 'capture') ?? 'default';
    const sampleRateHz = alsaRateHz(surroundings, address, SPEECH_RATE_HZ);
    const channels = alsaChannels(surroundings, address);
    const format = ['-r', String(sampleRateHz), '-c', String(channels), '-b', '16', '-e', 'signed-integer'];
    const input = ['-t', 'alsa', ...format.slice(0, 4), address];
    const args = ['-q', '--buffer', '1024', ...input, ...format, '-t', 'raw', '-'];
    return Promise.resolve({ cmd: 'sox', args, env: surroundings.env, sampleRateHz, channels });
  };
  // Its ALSA reader ignores the buffer size and takes eighths of a second.
  return { name: 'sox', reason, latencyMs: 130, command };
}
