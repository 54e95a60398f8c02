import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { DeviceCandidate } from '../../ports/device-candidate.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import type { ChannelChoice, Microphone } from '../../ports/microphone.ts';
import { type Capture, microphoneOf } from './capture.ts';
import { isDevicePresent } from './device-presence.ts';
import { createPortAudioLoudspeaker } from './loudspeaker-naudiodon.ts';
import { createNullLoudspeaker } from './loudspeaker-null.ts';
import { createPlayLoudspeaker } from './loudspeaker-play.ts';
import { createSpeakerLoudspeaker } from './loudspeaker-speaker.ts';
import { createWavLoudspeaker } from './loudspeaker-wav.ts';
import { createRecordCapture } from './microphone-lpcm16.ts';
import { createPortAudioCapture } from './microphone-naudiodon.ts';
import { createNullMicrophone } from './microphone-null.ts';
import { createWavMicrophone } from './microphone-wav.ts';
import { packageEntry, packageMissing, probeError } from './native-package.ts';
import type { Pacer } from './pacer.ts';
import { findPlayer, playerMissing } from './players.ts';
import { checkPortAudioDevice } from './portaudio.ts';
import { findRecorder, recorderMissing, type ServerSource } from './recorders.ts';
import {
  ALSA_CARD,
  findDeadServer,
  findSoundHardware,
  findSoundServer,
  type SoundSurroundings,
  whyNoSound,
} from './sound-hardware.ts';
import { findDefaultSource, listServerDevices, readServerDefaults } from './sound-server.ts';
import { readWavFile } from './wav-file.ts';

export interface AudioEnvironment extends SoundSurroundings {
  readonly pacer: Pacer;
  /** What `auto` takes when the machine has no sound of its own, `wav:config/demo-speech.wav`; without it, that is an error. */
  readonly fallbackSpec?: string | undefined;
  /** Which channel of a microphone with several is heard. */
  readonly channel?: ChannelChoice | undefined;
  /** Sound that a recording program hands over at once, in ms; 20 unless given. */
  readonly capturePieceMs?: number | undefined;
  /** What does not keep a device from working: a sentence for the person. */
  readonly onProblem?: ((error: ClientError) => void) | undefined;
  /**
   * A device that is not there yet may come: `auto` and hardware by name are looked for again and again instead of failing. Also
   * where a sound server should be there and does not answer.
   */
  readonly mayComeLater?: boolean | undefined;
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
  /** False where a package is missing that nobody plugs in later. */
  readonly isInstalled?: boolean;
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
export async function chooseMicrophone(
  spec: string,
  environment: AudioEnvironment,
): Promise<Choice<Microphone>> {
  const { pacer, env, channel, capturePieceMs: pieceMs, onProblem } = environment;
  const recorder = findRecorder(environment);
  const recorded = { clock: pacer.clock, pieceMs, surroundings: environment };
  const hear = (capture: Capture) => microphoneOf(capture, { channel, onProblem });
  const backends: Backends<Microphone> = {
    portaudio: {
      isHardware: true,
      isInstalled: packageEntry('naudiodon') !== undefined,
      check: async (device) => {
        // The default of ALSA is that of the sound server, which may be a monitor.
        if (device === undefined && findSoundServer(environment)?.speaksPulse) await refuseMonitor(env);
        await checkPortAudioDevice('input', device, env);
      },
      create: (device) => hear(createPortAudioCapture({ clock: pacer.clock, device, env })),
    },
    record: {
      isHardware: true,
      check: () => (findRecorder(environment) ? always() : Promise.reject(recorderMissing())),
      create: (device) => hear(createRecordCapture({ ...recorded, device })),
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
  const throughServer = recorder?.name === 'parec' || recorder?.name === 'pw-record';
  const choice = await choose(
    'microphone',
    spec,
    backends,
    throughServer ? RECORD_FIRST : PORTAUDIO_FIRST,
    environment,
  );
  if (spec !== 'auto' || recorder?.name !== 'parec' || choice.candidates.length === 0) return choice;
  return preferDefaultSource(choice, environment, (source) =>
    hear(createRecordCapture({ ...recorded, source })),
  );
}

/**
 * The server's choice of now goes first, by its name: when it is unplugged another takes its place, and when it is plugged in
 * again it is taken again.
 */
async function preferDefaultSource(
  choice: Choice<Microphone>,
  environment: AudioEnvironment,
  create: (source: ServerSource) => Microphone,
): Promise<Choice<Microphone>> {
  const source = await findDefaultSource(environment.env).catch(() => undefined);
  if (!source) return choice;
  const { name, description, muted, volumePercent } = source;
  const device = create(source);
  const isThere = () => isDevicePresent('microphone', name, environment);
  const state = muted || volumePercent === 0 ? ', which is muted' : '';
  return {
    device,
    reason: `${choice.reason}; it is "${description || name}"${state}`,
    candidates: [candidateOf(`record:${name}`, device, isThere), ...choice.candidates],
  };
}

/** @throws ClientError AUDIO_DEVICE_MISSING */
async function refuseMonitor(env: AudioEnvironment['env']): Promise<void> {
  const [source, defaults] = await Promise.all([findDefaultSource(env), readServerDefaults(env)]);
  if (source === undefined || defaults?.source === undefined || source.name === defaults.source) return;
  throw new ClientError(
    ErrorCode.audioDeviceMissing,
    `The default microphone of the sound server is ${defaults.source}, which is a monitor. Run "pactl set-default-source ${source.name}".`,
    { retryable: true },
  );
}

/** The loudspeaker of a spec: `auto`, `play[:device]`, `speaker[:device]`, `portaudio[:device]`, `wav:FILE` or `null`; see `chooseMicrophone`. */
export async function chooseLoudspeaker(
  spec: string,
  environment: AudioEnvironment,
): Promise<Choice<Loudspeaker>> {
  const { pacer, env, playbackSampleRateHz: sampleRateHz = 24_000 } = environment;
  const player = findPlayer(environment);
  const backends: Backends<Loudspeaker> = {
    portaudio: {
      isHardware: true,
      isInstalled: packageEntry('naudiodon') !== undefined,
      check: (device) => checkPortAudioDevice('output', device, env),
      create: (device) => createPortAudioLoudspeaker({ pacer, device, env }),
    },
    play: {
      isHardware: true,
      check: () => (findPlayer(environment) ? always() : Promise.reject(playerMissing())),
      create: (device) => createPlayLoudspeaker({ pacer, device, surroundings: environment }),
      ...(player && { strength: `played by ${player.name}` }),
    },
    speaker: {
      isHardware: true,
      isInstalled: packageEntry('speaker') !== undefined,
      check: () => checkSpeaker(environment),
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
  const choice = await choose('loudspeaker', spec, backends, ['play', 'speaker', 'portaudio'], environment);
  const sink = spec === 'auto' && choice.candidates.length > 0 ? await defaultSink(environment) : undefined;
  return sink === undefined ? choice : { ...choice, reason: `${choice.reason}; it is ${sink}` };
}

/** What would be heard where, in words: many a board plays to a screen that has no loudspeakers. */
async function defaultSink({ env }: AudioEnvironment): Promise<string | undefined> {
  const [defaults, sinks] = await Promise.all([readServerDefaults(env), listServerDevices('sinks', env)]);
  const sink = sinks.find(({ name }) => name === defaults?.sink);
  if (!sink) return undefined;
  const { description, muted, volumePercent } = sink;
  return `"${description}"${muted || volumePercent === 0 ? ', which is muted' : ''}`;
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

async function checkSpeaker(environment: AudioEnvironment): Promise<void> {
  // The package dies without a word where the server does not answer.
  const dead = await findDeadServer(environment);
  if (dead !== undefined) throw noAnswer(dead);
  if (packageEntry('speaker') === undefined) throw probeError('speaker', packageMissing('speaker'));
}

function noAnswer(what: string): ClientError {
  return new ClientError(
    ErrorCode.audioDeviceMissing,
    `${what[0]?.toUpperCase()}${what.slice(1)}. Start it (systemctl --user start pipewire-pulse, or pulseaudio --start).`,
    { retryable: true },
  );
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
  let reason = asked;
  try {
    await backend.check(argument);
  } catch (thrown) {
    if (!backend.isHardware || !(await mayComeLater(environment))) throw thrown;
    reason = notYet(messageOf(thrown));
  }
  const device = backend.create(argument);
  // PortAudio has numbers and names of its own.
  const part = spec.startsWith('portaudio') ? undefined : argument;
  const isThere = () => isDevicePresent(role, part, environment);
  return {
    device,
    reason,
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
  if (hardware === undefined && environment.fallbackSpec !== undefined)
    return fallBack(role, backends, environment, 'this machine has no sound card');
  if (hardware === undefined)
    return waitOrFail(role, backends, automatic, environment, whyNoSound(environment));
  const dead = await findDeadServer(environment);
  if (dead !== undefined && hardware !== ALSA_CARD)
    return waitOrFail(role, backends, automatic, environment, dead);
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
  return waitOrFail(role, backends, automatic, environment, `no backend works: ${problems.join(' ')}`);
}

/** Nothing can be used now. Where something may come, it is looked for; else that is an error, or the fallback. */
async function waitOrFail<Device>(
  role: Role,
  backends: Backends<Device>,
  automatic: readonly string[],
  environment: AudioEnvironment,
  problem: string,
): Promise<Choice<Device>> {
  if (environment.fallbackSpec !== undefined || !(await mayComeLater(environment)))
    return fallBack(role, backends, environment, problem);
  const isThere = () => isDevicePresent(role, undefined, environment);
  const installed = automatic.filter((name) => backends[name]?.isInstalled !== false);
  const candidates = installed.map((name) => fallbackTo(name, backends[name] as Backend<Device>, isThere));
  const first = backends[installed[0] ?? ''];
  if (!first) return fallBack(role, backends, environment, problem);
  return { device: first.create(undefined), reason: notYet(problem), candidates };
}

async function mayComeLater(environment: AudioEnvironment): Promise<boolean> {
  return environment.mayComeLater === true || (await findDeadServer(environment)) !== undefined;
}

/** How the reason of a device begins that is waited for. */
export const notYetThere = 'not there yet';
const notYet = (problem: string): string =>
  `${notYetThere} (${problem.replace(/\.$/, '')}); it is taken as soon as it comes`;

function candidateOf<Device>(spec: string, device: Device, isThere: () => Promise<boolean>) {
  return { spec, isThere, open: () => Promise.resolve(device) };
}

function fallbackTo<Device>(spec: string, backend: Backend<Device>, isThere: () => Promise<boolean>) {
  let device: Device | undefined;
  const open = async () => {
    await backend.check(undefined);
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
