import { messageOf } from '../../core/errors.ts';
import { PORTAUDIO_OUTPUT_LATENCY_MS } from './loudspeaker-naudiodon.ts';
import { SPEAKER_LATENCY_MS } from './loudspeaker-speaker.ts';
import { PORTAUDIO_INPUT_LATENCY_MS } from './microphone-naudiodon.ts';
import { probeError, probePackage } from './native-package.ts';
import { findPlayer, playerMissing } from './players.ts';
import { listPortAudioDevices } from './portaudio.ts';
import { findRecorder, recorderMissing } from './recorders.ts';
import { findSoundHardware, listAlsaDevices, type SoundSurroundings } from './sound-hardware.ts';
import { listServerDevices } from './sound-server.ts';

/** One line of `xiaozhi-speaker devices`. */
export interface AudioDeviceEntry {
  readonly role: 'microphone' | 'loudspeaker';
  readonly backend: 'portaudio' | 'record' | 'play' | 'speaker' | 'wav' | 'null';
  /** What to put in the configuration. */
  readonly spec: string;
  readonly description: string;
  /** Sound on its way between this program and the device, in ms: what is asked for, plus what was measured where nothing can be asked for. */
  readonly latencyMs?: number;
  /** Why it cannot be used here and what to do; absent when it can. */
  readonly problem?: string;
}

/** Every microphone and loudspeaker of every backend, those that are missing included. Never rejects. */
export async function listAudioDevices(surroundings: SoundSurroundings): Promise<AudioDeviceEntry[]> {
  const { env } = surroundings;
  const hardware = findSoundHardware(surroundings);
  const [portAudio, speakerProblem, sources, sinks] = await Promise.all([
    listPortAudio(hardware, env),
    hardware === undefined ? Promise.resolve(NO_CARD) : speakerFault(env),
    listServerDevices('sources', env),
    listServerDevices('sinks', env),
  ]);
  const recorder = findRecorder(surroundings);
  const alsaRecorder = findRecorder(surroundings, 'plughw:');
  const noRecorder = messageOf(recorderMissing());
  const recordProblem = recorder ? (hardware === undefined ? NO_CARD : undefined) : noRecorder;
  const alsa = listAlsaDevices(surroundings);
  const microphone = (device: string | undefined, description: string, through = recorder) =>
    entry('microphone', 'record', specOf('record', device), description, through?.latencyMs, recordProblem);
  const player = findPlayer(surroundings);
  const alsaPlayer = findPlayer(surroundings, 'plughw:');
  const noPlayer = messageOf(playerMissing());
  const playProblem = player ? (hardware === undefined ? NO_CARD : undefined) : noPlayer;
  const loudspeaker = (device: string | undefined, description: string, through = player) => [
    entry('loudspeaker', 'play', specOf('play', device), description, through?.latencyMs, playProblem),
    entry(
      'loudspeaker',
      'speaker',
      specOf('speaker', device),
      description,
      SPEAKER_LATENCY_MS,
      speakerProblem,
    ),
  ];
  return [
    ...portAudio,
    microphone(undefined, `default input, read by ${recorder?.name ?? 'parec, arecord or sox'}`),
    ...sources.map(({ name, description }) => microphone(name, description)),
    ...alsa
      .filter((device) => device.capture)
      .map(({ address, name }) => microphone(address, name, alsaRecorder)),
    ...loudspeaker(undefined, 'default output'),
    ...sinks.flatMap(({ name, description }) => loudspeaker(name, description)),
    ...alsa
      .filter((device) => device.playback)
      .flatMap(({ address, name }) => loudspeaker(address, name, alsaPlayer)),
    entry('microphone', 'wav', 'wav:FILE', 'a recording, played in real time'),
    entry('loudspeaker', 'wav', 'wav:FILE', 'records what would be heard'),
    entry('microphone', 'null', 'null', 'silence'),
    entry('loudspeaker', 'null', 'null', 'heard by nobody'),
  ];
}

function specOf(backend: string, device: string | undefined): string {
  return device === undefined ? backend : `${backend}:${device}`;
}

const NO_CARD =
  'This machine has no sound card and no sound server; plug in a USB sound device, or start PulseAudio or PipeWire.';

async function listPortAudio(
  hardware: string | undefined,
  env: SoundSurroundings['env'],
): Promise<AudioDeviceEntry[]> {
  if (hardware === undefined) return portAudioMissing(NO_CARD);
  try {
    const devices = await listPortAudioDevices(env);
    if (devices.length === 0) return portAudioMissing(NO_CARD);
    return devices.flatMap(({ name, maxInputChannels, maxOutputChannels }) => {
      // Numbers change when a device comes or goes.
      const spec = `portaudio:${name}`;
      return [
        ...(maxInputChannels > 0
          ? [entry('microphone', 'portaudio', spec, name, PORTAUDIO_INPUT_LATENCY_MS)]
          : []),
        ...(maxOutputChannels > 0
          ? [entry('loudspeaker', 'portaudio', spec, name, PORTAUDIO_OUTPUT_LATENCY_MS)]
          : []),
      ];
    });
  } catch (error) {
    return portAudioMissing(messageOf(error));
  }
}

function portAudioMissing(problem: string): AudioDeviceEntry[] {
  return [
    entry('microphone', 'portaudio', 'portaudio', 'default input', undefined, problem),
    entry('loudspeaker', 'portaudio', 'portaudio', 'default output', undefined, problem),
  ];
}

async function speakerFault(env: SoundSurroundings['env']): Promise<string | undefined> {
  const probe = await probePackage('speaker', undefined, env);
  return probe.ok ? undefined : probeError('speaker', probe).message;
}

function entry(
  role: AudioDeviceEntry['role'],
  backend: AudioDeviceEntry['backend'],
  spec: string,
  description: string,
  latencyMs?: number,
  problem?: string,
): AudioDeviceEntry {
  return {
    role,
    backend,
    spec,
    description,
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(problem === undefined ? {} : { problem }),
  };
}
