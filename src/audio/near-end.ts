import type { Clock } from '../core/clock.ts';
import type { VoiceDetector } from '../ports/voice-detector.ts';
import type { WakeWordDetector } from '../ports/wake-word-detector.ts';
import { EchoGuard } from './echo-guard.ts';
import { createEndpointer, type Endpointer } from './endpointer.ts';
import { createResampler, type Resampler } from './resampler.ts';

/**
 * What is listened for in the microphone's sound. `speech`: anybody's. `barge-in`: a voice that is surely not the device's
 * own, which is speaking.
 */
export interface Attention {
  readonly voice: 'none' | 'speech' | 'barge-in';
  readonly wakeWord: boolean;
}

/** Who knows where the device's own voice is heard. */
export interface OwnVoiceWitness {
  /** Whether what sounds like somebody may be the device itself. Asked with every frame in which it does. */
  mayBeOwnVoice(): boolean;
}

export interface NearEndOptions {
  readonly clock: Clock;
  readonly voiceDetector: VoiceDetector;
  readonly wakeWordDetector?: WakeWordDetector | undefined;
  /** Asked before a voice counts as interruption; without, what stands out above the echo does. */
  readonly ownVoice?: OwnVoiceWitness | undefined;
  /** Rate of what is pushed. */
  readonly sampleRateHz: number;
  readonly onSpeechStarted: () => void;
  readonly onSpeechEnded: () => void;
  readonly onWakeWord: (phrase: string) => void;
}

/** A word is over when nothing more has come for so long. */
const HANGOVER_MS = 800;
const LEAST_SPEECH_MS = 120;
/** Longer, because a false alarm costs an answer: shorter noises are a cough or a cup. */
const LEAST_BARGE_IN_MS = 140;

/** Finds voices and the wake word in what the microphone hears; tells edges, and only while somebody wants to know. */
export class NearEnd {
  readonly #options: NearEndOptions;
  readonly #guard: EchoGuard;
  readonly #endpointer: Endpointer;
  readonly #toVoice: Resampler;
  readonly #toWakeWord: Resampler | undefined;
  #attention: Attention = { voice: 'none', wakeWord: false };
  #speaking = false;

  constructor(options: NearEndOptions) {
    const { clock, voiceDetector, wakeWordDetector, sampleRateHz } = options;
    this.#options = options;
    this.#guard = new EchoGuard(clock);
    this.#endpointer = this.#createEndpointer();
    this.#toVoice = createResampler(sampleRateHz, voiceDetector.sampleRateHz);
    this.#toWakeWord = wakeWordDetector && createResampler(sampleRateHz, wakeWordDetector.sampleRateHz);
    wakeWordDetector?.onDetected((phrase) => {
      if (this.#attention.wakeWord) options.onWakeWord(phrase);
    });
  }

  /** Takes effect with the next sound. */
  attend(attention: Attention): void {
    const before = this.#attention;
    this.#attention = attention;
    if (attention.wakeWord && !before.wakeWord) this.#options.wakeWordDetector?.reset();
    // A voice that has interrupted goes on; anything else begins anew.
    const goesOn = before.voice === 'barge-in' && attention.voice === 'speech';
    if (attention.voice === before.voice || goesOn) return;
    if (before.voice === 'none') this.#options.voiceDetector.reset();
    this.#endpointer.reset();
    this.#endSpeech();
  }

  /** What the microphone hears, without echo where there is a canceller; mono, any length, lent. */
  push(pcm: Int16Array): void {
    const { voice, wakeWord } = this.#attention;
    if (voice !== 'none') this.#endpointer.push(this.#toVoice.push(pcm));
    if (wakeWord && this.#toWakeWord) this.#options.wakeWordDetector?.push(this.#toWakeWord.push(pcm));
  }

  /** See `FarEndWatcher`. */
  get isWatching(): boolean {
    return this.#attention.voice === 'barge-in';
  }

  /** See `OnPlayed`. */
  played(pcm: Int16Array, sampleRateHz: number, pendingMs: number): void {
    if (this.isWatching) this.#guard.played(pcm, sampleRateHz, pendingMs);
  }

  #createEndpointer(): Endpointer {
    const { voiceDetector, ownVoice } = this.#options;
    const attention = () => this.#attention.voice;
    return createEndpointer({
      sampleRateHz: voiceDetector.sampleRateHz,
      hangoverMs: HANGOVER_MS,
      get minSpeechMs() {
        return attention() === 'barge-in' ? LEAST_BARGE_IN_MS : LEAST_SPEECH_MS;
      },
      detector: {
        isSpeech: (frame) => {
          // Both must see every frame: each learns from what is no voice.
          const isVoice = voiceDetector.isSpeech(frame);
          return attention() === 'barge-in' ? this.#guard.isNearEnd(frame) && isVoice : isVoice;
        },
        reset: () => {},
      },
      isCertain: () => attention() !== 'barge-in' || !ownVoice?.mayBeOwnVoice(),
      onSpeechStarted: () => {
        this.#speaking = true;
        this.#options.onSpeechStarted();
      },
      onSpeechEnded: () => this.#endSpeech(),
    });
  }

  #endSpeech(): void {
    if (!this.#speaking) return;
    this.#speaking = false;
    this.#options.onSpeechEnded();
  }
}
