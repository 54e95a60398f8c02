import type { VoiceDetector } from '../../ports/voice-detector.ts';
import { floatSamples } from './float-samples.ts';
import { createSherpa, type Vad, type VadConfig } from './sherpa-package.ts';

const SAMPLE_RATE_HZ = 16_000;
/** What the model takes at once: 32 ms. */
const WINDOW_SAMPLES = 512;
/** The library's own smoothing is kept short: whoever asks has a hangover of their own. */
const SHORTEST_SECONDS = 0.03;
const BUFFER_SECONDS = 1;

/**
 * Silero's detector on the ONNX runtime in sherpa-onnx; its verdict is that of the last whole window, up to 32 ms old.
 * @throws ClientError AUDIO_BACKEND_MISSING without the package, CONFIG_UNREADABLE for a file that is no such model
 */
export function createSileroVoiceDetector(modelFile: string): Promise<VoiceDetector> {
  const config: VadConfig = {
    sileroVad: {
      model: modelFile,
      threshold: 0.5,
      minSpeechDuration: SHORTEST_SECONDS,
      minSilenceDuration: SHORTEST_SECONDS,
      windowSize: WINDOW_SAMPLES,
    },
    sampleRate: SAMPLE_RATE_HZ,
    numThreads: 1,
  };
  const model = { what: `the voice model ${modelFile}`, files: [modelFile], extraArgument: BUFFER_SECONDS };
  return createSherpa(
    'Vad',
    config,
    model,
    ({ Vad }) => new SileroVoiceDetector(new Vad(config, BUFFER_SECONDS)),
  );
}

class SileroVoiceDetector implements VoiceDetector {
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly #vad: Vad;

  constructor(vad: Vad) {
    this.#vad = vad;
  }

  isSpeech(frame: Int16Array): boolean {
    this.#vad.acceptWaveform(floatSamples(frame));
    // Utterances are collected for whoever wants them; nobody does.
    this.#vad.clear();
    return this.#vad.isDetected();
  }

  reset(): void {
    this.#vad.reset();
  }
}
