import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import type { Microphone } from '../../ports/microphone.ts';
import { createPortAudioLoudspeaker } from './loudspeaker-naudiodon.ts';
import { createNullLoudspeaker } from './loudspeaker-null.ts';
import { createSpeakerLoudspeaker } from './loudspeaker-speaker.ts';
import { createWavLoudspeaker } from './loudspeaker-wav.ts';
import { createRecordMicrophone, findRecorder, recorderMissing } from './microphone-lpcm16.ts';
import { createPortAudioMicrophone } from './microphone-naudiodon.ts';
import { createNullMicrophone } from './microphone-null.ts';
import { createWavMicrophone } from './microphone-wav.ts';
import { probeError, probePackage } from './native-package.ts';
import type { Pacer } from './pacer.ts';
import { findPortAudioDevice } from './portaudio.ts';
import { findSoundHardware, type SoundSurroundings } from './sound-hardware.ts';
import { readWavFile } from './wav-file.ts';

export interface AudioEnvironment extends SoundSurroundings {
  readonly pacer: Pacer;
  /** What `auto` takes when the machine has no sound of its own, `wav:config/demo-speech.wav`; without it, that is an error. */
  readonly fallbackSpec?: string | undefined;
  /** Rate of loudspeakers that have none of their own (`wav`, `null`); 24 kHz unless given. */
  readonly playbackSampleRateHz?: number | undefined;
}

/** `reason` completes "microphone: <name>, " for the person at the device. */
export interface Choice<Device> {
  readonly device: Device;
  readonly reason: string;
}

interface Backend<Device> {
  /** @throws ClientError when it cannot be used here; cheap enough to be asked at every start */
  check(argument: string | undefined): Promise<void>;
  create(argument: string | undefined): Device;
}

type Backends<Device> = Readonly<Record<string, Backend<Device>>>;

const asked = 'as asked for';
const always = () => Promise.resolve();

/**
 * The microphone of a spec: `auto`, `portaudio[:device]`, `record[:device]`, `wav:FILE` or `null`. Nothing is opened yet.
 * @throws ClientError CONFIG_INVALID for an unknown spec, AUDIO_BACKEND_MISSING or AUDIO_DEVICE_MISSING for one that
 * cannot work here
 */
export function chooseMicrophone(spec: string, environment: AudioEnvironment): Promise<Choice<Microphone>> {
  const { pacer, env } = environment;
  const backends: Backends<Microphone> = {
    portaudio: {
      check: async (device) => void (await findPortAudioDevice('input', device)),
      create: createPortAudioMicrophone,
    },
    record: {
      check: () => (findRecorder(env.PATH) ? always() : Promise.reject(recorderMissing())),
      create: (device) => createRecordMicrophone({ clock: pacer.clock, device }),
    },
    wav: {
      check: async (file) => void (await readWavFile(requireFile(file))),
      create: (file) => createWavMicrophone(requireFile(file), { pacer }),
    },
    null: { check: always, create: () => createNullMicrophone({ pacer }) },
  };
  return choose('microphone', spec, backends, ['portaudio', 'record'], environment);
}

/** The loudspeaker of a spec: `auto`, `portaudio[:device]`, `speaker[:device]`, `wav:FILE` or `null`; see `chooseMicrophone`. */
export function chooseLoudspeaker(spec: string, environment: AudioEnvironment): Promise<Choice<Loudspeaker>> {
  const { pacer, playbackSampleRateHz: sampleRateHz = 24_000 } = environment;
  const backends: Backends<Loudspeaker> = {
    portaudio: {
      check: async (device) => void (await findPortAudioDevice('output', device)),
      create: (device) => createPortAudioLoudspeaker({ pacer, device }),
    },
    speaker: { check: checkSpeaker, create: (device) => createSpeakerLoudspeaker({ pacer, device }) },
    wav: {
      check: (file) => checkDirectoryOf(requireFile(file)),
      create: (file) => createWavLoudspeaker(requireFile(file), { pacer, sampleRateHz }),
    },
    null: { check: always, create: () => createNullLoudspeaker({ pacer, sampleRateHz }) },
  };
  return choose('loudspeaker', spec, backends, ['portaudio', 'speaker'], environment);
}

/** A recording that cannot be made is said at the start, not at the first answer. */
async function checkDirectoryOf(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch (cause) {
    throw new ClientError(
      ErrorCode.audioDeviceMissing,
      `The recording ${file} cannot be created (${messageOf(cause)}). Choose a directory that exists and that you may write to.`,
      { cause },
    );
  }
}

async function checkSpeaker(): Promise<void> {
  const probe = await probePackage('speaker');
  if (!probe.ok) throw probeError('speaker', probe);
}

async function choose<Device>(
  role: string,
  spec: string,
  backends: Backends<Device>,
  automatic: readonly string[],
  environment: AudioEnvironment,
): Promise<Choice<Device>> {
  if (spec === 'auto') return chooseAutomatically(role, backends, automatic, environment);
  const { backend, argument } = parseSpec(role, spec, backends);
  await backend.check(argument);
  return { device: backend.create(argument), reason: asked };
}

async function chooseAutomatically<Device>(
  role: string,
  backends: Backends<Device>,
  automatic: readonly string[],
  environment: AudioEnvironment,
): Promise<Choice<Device>> {
  const hardware = findSoundHardware(environment);
  if (hardware === undefined) return fallBack(role, backends, environment, 'this machine has no sound card');
  const problems: string[] = [];
  for (const name of automatic) {
    const backend = backends[name] as Backend<Device>;
    try {
      await backend.check(undefined);
      return { device: backend.create(undefined), reason: [`found ${hardware}`, ...problems].join('; ') };
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  return fallBack(role, backends, environment, `no backend works: ${problems.join(' ')}`);
}

function fallBack<Device>(
  role: string,
  backends: Backends<Device>,
  { fallbackSpec }: AudioEnvironment,
  reason: string,
): Choice<Device> {
  if (fallbackSpec === undefined) {
    throw new ClientError(
      ErrorCode.audioDeviceMissing,
      `There is no ${role}: ${reason}. Plug one in, or name another: wav:FILE or null.`,
    );
  }
  const { backend, argument } = parseSpec(role, fallbackSpec, backends);
  return { device: backend.create(argument), reason };
}

function parseSpec<Device>(role: string, spec: string, backends: Backends<Device>) {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  const argument = colon < 0 || colon === spec.length - 1 ? undefined : spec.slice(colon + 1);
  const backend = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (!backend || (name === 'wav' && argument === undefined)) {
    throw new ClientError(
      ErrorCode.configInvalid,
      `"${spec}" is no ${role}. Choose auto, ${Object.keys(backends).map(withArgument).join(', ')}.`,
    );
  }
  return { backend, argument };
}

function withArgument(name: string): string {
  if (name === 'null') return name;
  return name === 'wav' ? 'wav:FILE' : `${name}[:device]`;
}

function requireFile(file: string | undefined): string {
  if (file === undefined) throw new Error('A wav spec without file must not pass parseSpec');
  return file;
}
