import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { DeviceCandidate } from '../../ports/device-candidate.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import type { Microphone } from '../../ports/microphone.ts';
import { isDevicePresent } from './device-presence.ts';
import { createPortAudioLoudspeaker } from './loudspeaker-naudiodon.ts';
import { createNullLoudspeaker } from './loudspeaker-null.ts';
import { createPlayLoudspeaker } from './loudspeaker-play.ts';
import { createSpeakerLoudspeaker } from './loudspeaker-speaker.ts';
import { createWavLoudspeaker } from './loudspeaker-wav.ts';
import { createRecordMicrophone } from './microphone-lpcm16.ts';
import { createPortAudioMicrophone } from './microphone-naudiodon.ts';
import { createNullMicrophone } from './microphone-null.ts';
import { createWavMicrophone } from './microphone-wav.ts';
import { packageEntry, packageMissing, probeError } from './native-package.ts';
import type { Pacer } from './pacer.ts';
import { findPlayer, playerMissing } from './players.ts';
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
  /**
   * The device itself and what `auto` would take next, best first, for when it is lost while running. Empty for one that
   * cannot be plugged in: `wav`, `null`.
   */
  readonly candidates: readonly DeviceCandidate<Device>[];
}

interface Backend<Device> {
  /** Why `auto` would take it, in words. */
  readonly strength?: string;
  /** @throws ClientError when it cannot be used here; cheap enough to be asked at every start */
  check(argument: string | undefined): Promise<void>;
  create(argument: string | undefined): Device;
  /** False for recordings and silence, which nobody unplugs. */
  readonly isHardware: boolean;
}

type Role = 'microphone' | 'loudspeaker';
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
      isHardware: true,
      check: (device) => checkPortAudioDevice('input', device, env),
      create: (device) => createPortAudioMicrophone({ clock: pacer.clock, device, env }),
    },
    record: {
      isHardware: true,
      check: () => (recorder ? always() : Promise.reject(recorderMissing())),
      create: (device) => createRecordMicrophone({ clock: pacer.clock, device, surroundings: environment }),
      ...(recorder && { strength: `recorded by ${recorder.name}` }),
    },
    wav: {
      isHardware: false,
      check: async (file) => void (await readWavFile(requireFile(file))),
      create: (file) => createWavMicrophone(requireFile(file), { pacer }),
    },
    null: { isHardware: false, check: always, create: () => createNullMicrophone({ pacer }) },
  };
  // The sound server's own recorder is the shortest way to it; past ALSA's plug-ins PortAudio reacts faster.
  const order = recorder?.name === 'parec' || recorder?.name === 'pw-record' ? RECORD_FIRST : PORTAUDIO_FIRST;
  return choose('microphone', spec, backends, order, environment);
}

/** The loudspeaker of a spec: `auto`, `play[:device]`, `speaker[:device]`, `portaudio[:device]`, `wav:FILE` or `null`; see `chooseMicrophone`. */
export function chooseLoudspeaker(spec: string, environment: AudioEnvironment): Promise<Choice<Loudspeaker>> {
  const { pacer, env, playbackSampleRateHz: sampleRateHz = 24_000 } = environment;
  const player = findPlayer(environment);
  const backends: Backends<Loudspeaker> = {
    portaudio: {
      isHardware: true,
      check: (device) => checkPortAudioDevice('output', device, env),
      create: (device) => createPortAudioLoudspeaker({ pacer, device, env }),
    },
    play: {
      isHardware: true,
      check: () => (player ? always() : Promise.reject(playerMissing())),
      create: (device) => createPlayLoudspeaker({ pacer, device, surroundings: environment }),
      ...(player && { strength: `played by ${player.name}` }),
    },
    speaker: {
      isHardware: true,
      check: checkSpeaker,
      create: (device) => createSpeakerLoudspeaker({ pacer, device, surroundings: environment }),
    },
    wav: {
      isHardware: false,
      check: (file) => checkDirectoryOf(requireFile(file)),
      create: (file) => createWavLoudspeaker(requireFile(file), { pacer, sampleRateHz }),
    },
    null: { isHardware: false, check: always, create: () => createNullLoudspeaker({ pacer, sampleRateHz }) },
  };
  // A player of a few MB feeds the device as well as a whole Node does. `speaker` starts sooner than PortAudio and has no holes
  // when this machine is busy; PortAudio holds only 30 ms.
  return choose('loudspeaker', spec, backends, ['play', 'speaker', 'portaudio'], environment);
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

/** That it loads is seen when it is opened: a Node of its own to try it costs every start a tenth of a second and more. */
function checkSpeaker(): Promise<void> {
  if (packageEntry('speaker') !== undefined) return always();
  return Promise.reject(probeError('speaker', packageMissing('speaker')));
}

async function choose<Device>(
  role: Role,
  spec: string,
  backends: Backends<Device>,
  automatic: readonly string[],
  environment: AudioEnvironment,
): Promise<Choice<Device>> {
  if (spec === 'auto') return chooseAutomatically(role, backends, automatic, environment);
  const { backend, argument } = parseSpec(role, spec, backends);
  await backend.check(argument);
  const device = backend.create(argument);
  // PortAudio has numbers and names of its own.
  const part = spec.startsWith('portaudio') ? undefined : argument;
  const isThere = () => isDevicePresent(role, part, environment);
  return {
    device,
    reason: asked,
    candidates: backend.isHardware ? [candidateOf(spec, device, isThere)] : [],
  };
}

async function chooseAutomatically<Device>(
  role: Role,
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
    const isThere = () => isDevicePresent(role, undefined, environment);
    const device = backend.create(undefined);
    const candidates = [
      candidateOf(name, device, isThere),
      ...others.map((other) => fallbackTo(other, backends[other] as Backend<Device>, isThere)),
    ];
    return { device, reason: reasons.join('; '), candidates };
  }
  return fallBack(role, backends, environment, `no backend works: ${problems.join(' ')}`);
}

function candidateOf<Device>(spec: string, device: Device, isThere: () => Promise<boolean>) {
  return { spec, isThere, open: () => Promise.resolve(device) };
}

function fallbackTo<Device>(spec: string, backend: Backend<Device>, isThere: () => Promise<boolean>) {
  let device: Device | undefined;
  const open = async () => {
    if (device === undefined) await backend.check(undefined);
    device ??= backend.create(undefined);
    return device;
  };
  return { spec, isThere, open };
}

function fallBack<Device>(
  role: Role,
  backends: Backends<Device>,
  { fallbackSpec }: AudioEnvironment,
  reason: string,
): Choice<Device> {
  if (fallbackSpec === undefined) {
    throw new ClientError(
      ErrorCode.audioDeviceMissing,
      `There is no ${role}: ${reason.replace(/\.$/, '')}. Plug one in, or do without: ${role === 'microphone' ? '--mic' : '--speaker'} null, or wav:FILE for a recording.`,
    );
  }
  const { backend, argument } = parseSpec(role, fallbackSpec, backends);
  return { device: backend.create(argument), reason, candidates: [] };
}

function parseSpec<Device>(role: Role, spec: string, backends: Backends<Device>) {
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
