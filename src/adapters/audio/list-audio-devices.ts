import { messageOf } from '../../core/errors.ts';
import { findRecorder, recorderMissing } from './microphone-lpcm16.ts';
import { probeError, probePackage } from './native-package.ts';
import { listPortAudioDevices } from './portaudio.ts';
import { findSoundHardware, listAlsaDevices, type SoundSurroundings } from './sound-hardware.ts';

/** One line of `xiaozhi-speaker devices`. */
export interface AudioDeviceEntry {
  readonly role: 'microphone' | 'loudspeaker';
  readonly backend: 'portaudio' | 'record' | 'speaker' | 'wav' | 'null';
  /** What to put in the configuration. */
  readonly spec: string;
  readonly description: string;
  /** Why it cannot be used here and what to do; absent when it can. */
  readonly problem?: string;
}

/** Every microphone and loudspeaker of every backend, those that are missing included. Never rejects. */
export async function listAudioDevices(surroundings: SoundSurroundings): Promise<AudioDeviceEntry[]> {
  const hardware = findSoundHardware(surroundings);
  const [portAudio, speakerProblem] = await Promise.all([
    listPortAudio(hardware),
    hardware === undefined ? Promise.resolve(NO_CARD) : speakerFault(),
  ]);
  const recordProblem = findRecorder(surroundings.env.PATH)
    ? hardware === undefined
      ? NO_CARD
      : undefined
    : messageOf(recorderMissing());
  const alsa = listAlsaDevices(surroundings);
  return [
    ...portAudio,
    entry('microphone', 'record', 'record', 'default input, read by arecord or sox', recordProblem),
    ...alsa
      .filter((device) => device.capture)
      .map(({ address, name }) => entry('microphone', 'record', `record:${address}`, name, recordProblem)),
    entry('loudspeaker', 'speaker', 'speaker', 'default output', speakerProblem),
    ...alsa
      .filter((device) => device.playback)
      .map(({ address, name }) =>
        entry('loudspeaker', 'speaker', `speaker:${address}`, name, speakerProblem),
      ),
    entry('microphone', 'wav', 'wav:FILE', 'a recording, played in real time'),
    entry('loudspeaker', 'wav', 'wav:FILE', 'records what would be heard'),
    entry('microphone', 'null', 'null', 'silence'),
    entry('loudspeaker', 'null', 'null', 'heard by nobody'),
  ];
}

const NO_CARD =
  'This machine has no sound card and no sound server; plug in a USB sound device, or start PulseAudio or PipeWire.';

async function listPortAudio(hardware: string | undefined): Promise<AudioDeviceEntry[]> {
  if (hardware === undefined) return portAudioMissing(NO_CARD);
  try {
    const devices = await listPortAudioDevices();
    if (devices.length === 0) return portAudioMissing(NO_CARD);
    return devices.flatMap(({ id, name, maxInputChannels, maxOutputChannels }) => [
      ...(maxInputChannels > 0 ? [entry('microphone', 'portaudio', `portaudio:${id}`, name)] : []),
      ...(maxOutputChannels > 0 ? [entry('loudspeaker', 'portaudio', `portaudio:${id}`, name)] : []),
    ]);
  } catch (error) {
    return portAudioMissing(messageOf(error));
  }
}

function portAudioMissing(problem: string): AudioDeviceEntry[] {
  return [
    entry('microphone', 'portaudio', 'portaudio', 'default input', problem),
    entry('loudspeaker', 'portaudio', 'portaudio', 'default output', problem),
  ];
}

async function speakerFault(): Promise<string | undefined> {
  const probe = await probePackage('speaker');
  return probe.ok ? undefined : probeError('speaker', probe).message;
}

function entry(
  role: AudioDeviceEntry['role'],
  backend: AudioDeviceEntry['backend'],
  spec: string,
  description: string,
  problem?: string,
): AudioDeviceEntry {
  return { role, backend, spec, description, ...(problem === undefined ? {} : { problem }) };
}
