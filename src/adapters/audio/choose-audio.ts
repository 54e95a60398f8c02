import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import type { Microphone } from '../../ports/microphone.ts';
import { createPortAudioLoudspeaker } from './loudspeaker-naudiodon.ts';
import { createNullLoudspeaker } from './loudspeaker-null.ts';
import { createSpeakerLoudspeaker } from './loudspeaker-speaker.ts';
import { createWavLoudspeaker } from './loudspeaker-wav.ts';
import { createRecordMicrophone } from './microphone-lpcm16.ts';
import { createPortAudioMicrophone } from './microphone-naudiodon.ts';
import { createNullMicrophone } from './microphone-null.ts';
import { createWavMicrophone } from './microphone-wav.ts';
import { probeError, probePackage } from './native-package.ts';
import type { Pacer } from './pacer.ts';
import { checkPortAudioDevice } from './portaudio.ts';
import { findRecorder, recorderMissing } from './recorders.ts';
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
  /** What `auto` would take next, best first, for when the device is lost while running; empty for a device asked for by name. */
  readonly fallbacks: readonly Fallback<Device>[];
}

export interface Fallback<Device> {
  readonly spec: string;
  /** @throws ClientError when it cannot be used now */
  open(): Promise<Device>;
}

interface Backend<Device> {
  /** Why `auto` would take it, in words. */
  readonly strength?: string;
  /** @throws ClientError when it cannot be used here; cheap enough to be asked at every start */
  check(argument: string | undefined): Promise<void>;
  create(argument: string | undefined): Device;
}

type Backends<Device> = Readonly<Record<string, Backend<Device>>>;

const RECORD_FIRST = ['record', 'portaudio'];
const PORTAUDIO_FIRST = ['portaudio', 'record'];
const asked = 'as asked for';
const always = () => Promise.resolve();

/**
 * The microphone of a spec: `auto`, `portaudio[:device]`, `record[:device]`, `wav:FILE` or `null`. Nothing is opened yet.
 * @throws ClientError CONFIG_INVALID for an unknown spec, AUDIO_BACKEND_MISSING or AUDIO_DEVICE_MISSING for one that
 * cannot work here
 */
export function chooseMicrophone(spec: string, environment: AudioEnvironment): Promise<Choice<Microphone>> {
  const { pacer, env } = environment;
  const recorder = findRecorder(environment);
  const backends: Backends<Microphone> = {
    portaudio: {
      check: (device) => checkPortAudioDevice('input', device, env),
      create: (device) => createPortAudioMicrophone({ clock: pacer.clock, device, env }),
    },
    record: {
      check: () => (recorder ? always() : Promise.reject(recorderMissing())),
      create: (device) => createRecordMicrophone({ clock: pacer.clock, device, surroundings: environment }),
      ...(recorder && { strength: `recorded by ${recorder.name}` }),
    },
    wav: {
      check: async (file) => void (await readWavFile(requireFile(file))),
      create: (file) => createWavMicrophone(requireFile(file), { pacer }),
    },
    null: { check: always, create: () => createNullMicrophone({ pacer }) },
  };
  // The sound server's own recorder is the shortest way to it; past ALSA's plug-ins PortAudio reacts faster.
  const order = recorder?.name === 'parec' || recorder?.name === 'pw-record' ? RECORD_FIRST : PORTAUDIO_FIRST;
  return choose('microphone', spec, backends, order, environment);
}

/** The loudspeaker of a spec: `auto`, `portaudio[:device]`, `speaker[:device]`, `wav:FILE` or `null`; see `chooseMicrophone`. */
export function chooseLoudspeaker(spec: string, environment: AudioEnvironment): Promise<Choice<Loudspeaker>> {
  const { pacer, env, playbackSampleRateHz: sampleRateHz = 24_000 } = environment;
  const backends: Backends<Loudspeaker> = {
    portaudio: {
      check: (device) => checkPortAudioDevice('output', device, env),
      create: (device) => createPortAudioLoudspeaker({ pacer, device, env }),
    },
    speaker: {
      check: () => checkSpeaker(env),
      create: (device) => createSpeakerLoudspeaker({ pacer, device, surroundings: environment }),
    },
    wav: {
      check: (file) => checkDirectoryOf(requireFile(file)),
      create: (file) => createWavLoudspeaker(requireFile(file), { pacer, sampleRateHz }),
    },
    null: { check: always, create: () => createNullLoudspeaker({ pacer, sampleRateHz }) },
  };
  // It starts within 10 ms and falls silent as fast; PortAudio holds 50 ms.
  return choose('loudspeaker', spec, backends, ['speaker', 'portaudio'], environment);
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

async function checkSpeaker(env: AudioEnvironment['env']): Promise<void> {
  const probe = await probePackage('speaker', undefined, env);
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
  return { device: backend.create(argument), reason: asked, fallbacks: [] };
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
  for (const [index, name] of automatic.entries()) {
    const backend = backends[name] as Backend<Device>;
    try {
      await backend.check(undefined);
    } catch (error) {
      problems.push(messageOf(error));
      continue;
    }
    const reasons = [`found ${hardware}`, ...(backend.strength ? [backend.strength] : []), ...problems];
    const others = [...automatic.slice(index + 1), ...automatic.slice(0, index)];
    const fallbacks = others.map((other) => fallbackTo(other, backends[other] as Backend<Device>));
    return { device: backend.create(undefined), reason: reasons.join('; '), fallbacks };
  }
  return fallBack(role, backends, environment, `no backend works: ${problems.join(' ')}`);
}

function fallbackTo<Device>(spec: string, backend: Backend<Device>): Fallback<Device> {
  const open = async () => {
    await backend.check(undefined);
    return backend.create(undefined);
  };
  return { spec, open };
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
      `There is no ${role}: ${reason}. Plug one in, or do without: ${role === 'microphone' ? '--mic' : '--speaker'} null, or wav:FILE for a recording.`,
    );
  }
  const { backend, argument } = parseSpec(role, fallbackSpec, backends);
  return { device: backend.create(argument), reason, fallbacks: [] };
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
