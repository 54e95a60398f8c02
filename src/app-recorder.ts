import { join } from 'node:path';
import { microphoneOf } from './adapters/audio/capture.ts';
import { createRecordCapture } from './adapters/audio/microphone-lpcm16.ts';
import { findRecorder } from './adapters/audio/recorders.ts';
import { createRecordingDirectory } from './adapters/recording/recording-directory.ts';
import { makePrivateDirectory } from './adapters/storage/private-directory.ts';
import { monitorLoudspeaker } from './audio/playback-monitor.ts';
import { FileRecorder, type SourceHandle } from './audio/recorder.ts';
import { SharedMicrophone } from './audio/shared-microphone.ts';
import { home } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import type { Loudspeaker } from './ports/loudspeaker.ts';
import type { Microphone } from './ports/microphone.ts';
import type { OpusCodec } from './ports/opus-codec.ts';
import type { Recorder, RecordingSource } from './ports/recorder.ts';
import type { StatusDisplay } from './ports/status-display.ts';

export interface RecorderParts {
  readonly config: Config;
  readonly stateDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly codec: OpusCodec;
  readonly display: StatusDisplay;
  /** The devices themselves, before echo cancelling. */
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
}

export interface RecordedSound {
  /** The devices for everybody else, who share them with the recorder without knowing. */
  readonly microphone: Microphone;
  readonly loudspeaker: Loudspeaker;
  readonly recorder: Recorder;
  /** Completes all files. */
  close(): Promise<void>;
}

/** The monitor of what PulseAudio, or PipeWire in its language, plays by default. */
const DEFAULT_MONITOR = '@DEFAULT_MONITOR@';

/** Puts a recorder to a pair of sound devices. Opens nothing. */
export function createRecorder(parts: RecorderParts): RecordedSound {
  const { config, clock, display } = parts;
  const { directory: wanted, format, ...limits } = config.recordings;
  const directory = wanted === undefined ? join(parts.stateDirectory, 'recordings') : home(wanted, parts.env);
  const microphone = new SharedMicrophone(parts.microphone);
  const { loudspeaker, monitor } = monitorLoudspeaker(parts.loudspeaker, clock);
  const system = systemSound(parts, monitor);
  const sources: Readonly<Record<RecordingSource, () => SourceHandle>> = {
    microphone: () => ({ microphone: microphone.handle(), hears: `microphone ${parts.microphone.name}` }),
    system: () => ({ ...system, microphone: system.microphone.handle() }),
  };
  const recorder = new FileRecorder({
    files: createRecordingDirectory(directory, makePrivateDirectory),
    directory,
    format,
    limits,
    codec: parts.codec,
    wallClock: Date.now,
    openSource: (source) => sources[source](),
    onEvent: (event) => display.show({ type: 'recording', ...event }),
  });
  return { microphone: microphone.handle(), loudspeaker, recorder, close: () => recorder.close() };
}

/** Everything the computer plays where its sound server tells; else what this device plays itself. */
function systemSound({ env, clock, loudspeaker }: RecorderParts, monitor: Microphone) {
  const isFile = /^(wav|null)\b/.test(loudspeaker.name);
  if (!isFile && findRecorder({ env })?.name === 'parec') {
    return {
      microphone: new SharedMicrophone(
        microphoneOf(createRecordCapture({ clock, device: DEFAULT_MONITOR, surroundings: { env } })),
      ),
      hears: 'everything this computer plays (the monitor of its sound server)',
    };
  }
  return { microphone: new SharedMicrophone(monitor), hears: `what this device plays (${loudspeaker.name})` };
}
