import type { VoiceDetector } from '../ports/voice-detector.ts';
import { samplesPerFrame } from './format.ts';
import { Framer } from './framer.ts';
import { EnergyVoiceDetector } from './voice-activity.ts';

const FRAME_MS = 10;

export interface EndpointerOptions {
  readonly sampleRateHz: number;
  /** Silence, in ms, after which a turn counts as finished. */
  readonly hangoverMs: number;
  /** Speech, in ms, that it takes to begin a turn; shorter noises are no turn. */
  readonly minSpeechMs: number;
  /** At `sampleRateHz`; energy against a noise floor unless given. */
  readonly detector?: Pick<VoiceDetector, 'isSpeech' | 'reset'>;
  /** Asked with every voiced frame since there was speech enough: a turn begins when it agrees. */
  readonly isCertain?: () => boolean;
  onSpeechStarted(): void;
  onSpeechEnded(): void;
}

export interface Endpointer {
  /** Mono PCM of any length. Time is counted in samples, so it works as well on a file as on a microphone. */
  push(pcm: Int16Array): void;
  /** Forgets everything, without a callback. */
  reset(): void;
}

/** Finds the beginning and end of turns. The callbacks alternate, beginning with `onSpeechStarted`. */
export function createEndpointer(options: EndpointerOptions): Endpointer {
  const vad = options.detector ?? new EnergyVoiceDetector(options.sampleRateHz);
  let speaking = false;
  let speechMs = 0;
  let silenceMs = 0;

  const whileSilent = (voiced: boolean) => {
    // Gaps between syllables take back instead of starting over: words have closures of 30–80 ms.
    speechMs = voiced ? speechMs + FRAME_MS : Math.max(0, speechMs - FRAME_MS / 2);
    if (speechMs < options.minSpeechMs || !voiced) return;
    // It must go on while there is doubt: the next pause counts as much as ever.
    speechMs = options.minSpeechMs;
    if (options.isCertain && !options.isCertain()) return;
    speaking = true;
    silenceMs = 0;
    options.onSpeechStarted();
  };

  const whileSpeaking = (voiced: boolean) => {
    silenceMs = voiced ? 0 : silenceMs + FRAME_MS;
    if (silenceMs < options.hangoverMs) return;
    speaking = false;
    speechMs = 0;
    options.onSpeechEnded();
  };

  const framer = new Framer(samplesPerFrame(options.sampleRateHz, FRAME_MS), (frame) => {
    const voiced = vad.isSpeech(frame);
    if (speaking) whileSpeaking(voiced);
    else whileSilent(voiced);
  });

  return {
    push: (pcm) => framer.push(pcm),
    reset: () => {
      framer.reset();
      vad.reset();
      speaking = false;
      speechMs = 0;
      silenceMs = 0;
    },
  };
}
