import type { Choice } from './adapters/audio/choose-audio.ts';
import { diagnoseSilence, listServerDevices } from './adapters/audio/sound-server.ts';
import type { NativeParts } from './adapters/native/addon.ts';
import { createEchoCancelledSound } from './audio/echo-cancelled-sound.ts';
import { createFallbackLoudspeaker } from './audio/fallback-loudspeaker.ts';
import { createFallbackMicrophone } from './audio/fallback-microphone.ts';
import { watchMicrophone } from './audio/microphone-health.ts';
import type { OwnVoiceWitness } from './audio/near-end.ts';
import { listeningModeOf } from './config/listening-mode.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import { ClientError, ErrorCode } from './core/errors.ts';
import type { DeviceSettings } from './machine/context.ts';
import type { ListeningMode } from './machine/events.ts';
import type { Loudspeaker } from './ports/loudspeaker.ts';
import type { Microphone } from './ports/microphone.ts';
import { errorEvent, type StatusDisplay } from './ports/status-display.ts';
import type { VoiceDetector } from './ports/voice-detector.ts';
import type { WakeWordDetector } from './ports/wake-word-detector.ts';

export interface VoiceParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly display: StatusDisplay;
  readonly say: (line: string) => void;
}

/** The sound devices, with what makes them fit for a conversation in both directions. */
export interface Voice {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly voiceDetector: VoiceDetector | undefined;
  readonly wakeWordDetector: WakeWordDetector | undefined;
  /** Where the echo is cancelled here. */
  readonly ownVoice: OwnVoiceWitness | undefined;
  readonly listeningMode: ListeningMode;
  readonly voiceOverAnswer: DeviceSettings['voiceOverAnswer'];
  close(): void;
}

interface SoundEnv {
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface SoundDevices {
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
}

/** What was chosen, and what takes the time of a loudspeaker that is away. */
export interface ChosenSound {
  readonly microphone: Choice<Microphone>;
  readonly loudspeaker: Choice<Loudspeaker>;
  readonly silence: Loudspeaker;
}

const ECHO_CANCELLING_DEVICE = 'echo-cancel';

/**
 * What `auto` means with `audio.aec` `system`: the echo-cancelling devices of the sound server.
 * @throws ClientError AUDIO_DEVICE_MISSING when it has none
 */
export async function soundSpecs(
  { audio }: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ microphone: string; loudspeaker: string }> {
  const { aec, microphone, loudspeaker } = audio;
  if (aec !== 'system') return { microphone, loudspeaker };
  const devices = await Promise.all([listServerDevices('sources', env), listServerDevices('sinks', env)]);
  const isThere = devices.every((list) =>
    list.some(({ name, description }) =>
      `${name} ${description}`.toLowerCase().includes(ECHO_CANCELLING_DEVICE),
    ),
  );
  if (!isThere && (microphone === 'auto' || loudspeaker === 'auto')) {
    throw new ClientError(
      ErrorCode.audioDeviceMissing,
      'audio.aec is "system", and the sound server has no echo-cancelling devices. Run "pactl load-module module-echo-cancel aec_method=webrtc source_name=echo-cancel-source sink_name=echo-cancel-sink", or choose another audio.aec.',
    );
  }
  return {
    microphone: microphone === 'auto' ? `record:${ECHO_CANCELLING_DEVICE}` : microphone,
    loudspeaker: loudspeaker === 'auto' ? `speaker:${ECHO_CANCELLING_DEVICE}` : loudspeaker,
  };
}

/**
 * The chosen devices, each of which is replaced when it is lost and taken again when it is back, with a sentence for the
 * person. What cannot be lost stays as it is.
 */
export function keepSound(
  { clock, display, say, env }: Pick<VoiceParts, 'clock' | 'display' | 'say'> & SoundEnv,
  { microphone, loudspeaker, silence }: ChosenSound,
): SoundDevices {
  const onReplaced = (error: ClientError) => display.show(errorEvent(error));
  const onReturned =
    (role: string) =>
    ({ name }: { readonly name: string }) =>
      say(`${role}: ${name} again`);
  return {
    microphone:
      microphone.candidates.length === 0
        ? microphone.device
        : watchMicrophone(
            createFallbackMicrophone({
              clock,
              candidates: microphone.candidates,
              news: { onReplaced, onReturned: onReturned('Microphone') },
            }),
            { onProblem: onReplaced, diagnose: (name) => diagnoseSilence(name, env) },
          ),
    loudspeaker:
      loudspeaker.candidates.length === 0
        ? loudspeaker.device
        : createFallbackLoudspeaker({
            clock,
            candidates: loudspeaker.candidates,
            silence,
            news: { onReplaced, onReturned: onReturned('Loudspeaker') },
          }),
  };
}

/**
 * Puts the echo canceller, the voice detector and the wake word to the devices. Only what the configuration needs is
 * loaded. Without the add-on the device works all the same, in half duplex.
 * @throws ClientError for a wake word or voice model that cannot be used
 */
export async function openVoice(parts: VoiceParts, devices: SoundDevices): Promise<Voice> {
  const { config, say } = parts;
  const { aec } = config.audio;
  const native = aec === 'native' ? await loadNative() : undefined;
  const cancelled = native && cancelEcho(parts, devices, native);
  if (native && !cancelled) {
    say(`${native.problem ?? 'The native add-on has no echo canceller.'} Echo is not cancelled.`);
  }
  const isCancelledHere = cancelled !== undefined || aec === 'system';
  const listeningMode = listeningModeOf(config, isCancelledHere || aec === 'server');
  if (listeningMode === 'realtime' && !isCancelledHere && aec !== 'server') {
    say(
      'In realtime mode without echo cancelling (audio.aec) the device hears itself: use headphones, or set audio.aec.',
    );
  }
  const voiceOverAnswer = voiceUse(config, isCancelledHere);
  const needsDetector = voiceOverAnswer !== 'unheard' || config.conversation.localEndpointing;
  const wakeWordDetector = await openWakeWord(config);
  if (wakeWordDetector) say(`Wake word: ${wakeWordDetector.name}`);
  return {
    microphone: cancelled?.microphone ?? devices.microphone,
    loudspeaker: cancelled?.loudspeaker ?? devices.loudspeaker,
    voiceDetector: await openVoiceDetector(config, needsDetector, native),
    wakeWordDetector,
    ownVoice: cancelled?.sound,
    listeningMode,
    voiceOverAnswer,
    close: () => cancelled?.close(),
  };
}

function cancelEcho(
  { config, clock, display }: VoiceParts,
  devices: SoundDevices,
  { createEchoCanceller }: NativeParts,
) {
  const canceller = createEchoCanceller?.({
    sampleRateHz: 16_000,
    noiseSuppression: config.audio.noiseSuppression,
    gainControl: config.audio.gainControl,
  });
  if (!canceller) return undefined;
  const sound = createEchoCancelledSound({
    ...devices,
    canceller,
    clock,
    onProblem: (error) => display.show(errorEvent(error)),
  });
  const { microphone, loudspeaker } = sound;
  return { microphone, loudspeaker, sound, close: () => canceller.close() };
}

async function openVoiceDetector(
  { audio }: Config,
  isNeeded: boolean,
  native: NativeParts | undefined,
): Promise<VoiceDetector | undefined> {
  if (audio.voiceModel !== undefined) {
    const { createSileroVoiceDetector } = await import('./adapters/sherpa/silero-voice-detector.ts');
    return createSileroVoiceDetector(audio.voiceModel);
  }
  if (!isNeeded) return undefined;
  return (native ?? (await loadNative())).createVoiceDetector?.();
}

async function openWakeWord({ wakeWord }: Config): Promise<WakeWordDetector | undefined> {
  const { modelDirectory, keywordsFile, thresholdPercent } = wakeWord;
  if (modelDirectory === undefined) return undefined;
  const { createKeywordSpotter } = await import('./adapters/sherpa/keyword-spotter.ts');
  return createKeywordSpotter({ modelDirectory, keywordsFile, threshold: thresholdPercent / 100 });
}

function voiceUse({ conversation }: Config, isCancelledHere: boolean): DeviceSettings['voiceOverAnswer'] {
  if (!isCancelledHere) return 'unheard';
  return conversation.bargeIn ? 'interrupts' : 'softens';
}

async function loadNative(): Promise<NativeParts> {
  const { loadNativeParts } = await import('./adapters/native/addon.ts');
  return loadNativeParts();
}
