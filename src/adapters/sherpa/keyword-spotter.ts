import { readFile } from 'node:fs/promises';
import type { WakeWordDetector } from '../../ports/wake-word-detector.ts';
import { floatSamples } from './float-samples.ts';
import { findKeywordModel } from './keyword-model.ts';
import {
  createSherpa,
  type KeywordSpotterConfig,
  type KeywordStream,
  type KeywordSpotter as NativeSpotter,
} from './sherpa-package.ts';

export interface KeywordSpotterOptions {
  readonly modelDirectory: string;
  /** The words, spelt in tokens of the model; `keywords.txt` in the model's directory unless given. */
  readonly keywordsFile?: string | undefined;
  /** 0–1: how sure the detector must be. */
  readonly threshold: number;
}

const SAMPLE_RATE_HZ = 16_000;
const FEATURES = 80;
const MOST_WORDS_IN_NAME = 3;

/**
 * The wake word by sherpa-onnx's keyword spotter, in this process.
 * @throws ClientError AUDIO_BACKEND_MISSING without the package, CONFIG_UNREADABLE for files that are missing or no model
 */
export async function createKeywordSpotter(options: KeywordSpotterOptions): Promise<WakeWordDetector> {
  const { encoder, decoder, joiner, tokens, keywords } = await findKeywordModel(
    options.modelDirectory,
    options.keywordsFile,
  );
  const config: KeywordSpotterConfig = {
    featConfig: { sampleRate: SAMPLE_RATE_HZ, featureDim: FEATURES },
    modelConfig: { transducer: { encoder, decoder, joiner }, tokens, numThreads: 1 },
    keywordsFile: keywords,
    keywordsThreshold: options.threshold,
  };
  const model = {
    what: `the wake word model in ${options.modelDirectory}`,
    files: [encoder, decoder, joiner, tokens, keywords],
  };
  const spotter = await createSherpa(
    'KeywordSpotter',
    config,
    model,
    (sherpa) => new sherpa.KeywordSpotter(config),
  );
  return new SherpaWakeWordDetector(spotter, wordsOf(await readFile(keywords, 'utf8')));
}

/** What follows `@` in each line of a keywords file is the word as people write it. */
export function wordsOf(keywords: string): string[] {
  return keywords.split('\n').flatMap((line) => /@(\S+)/.exec(line)?.[1] ?? []);
}

export class SherpaWakeWordDetector implements WakeWordDetector {
  readonly name: string;
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly #spotter: NativeSpotter;
  #stream: KeywordStream | undefined;
  #listener: (phrase: string) => void = () => {};

  constructor(spotter: NativeSpotter, words: readonly string[]) {
    this.name = `sherpa-onnx (${words.slice(0, MOST_WORDS_IN_NAME).join(', ')})`;
    this.#spotter = spotter;
    this.#stream = spotter.createStream();
  }

  onDetected(listener: (phrase: string) => void): void {
    this.#listener = listener;
  }

  push(pcm: Int16Array): void {
    const stream = this.#stream;
    if (!stream) return;
    stream.acceptWaveform({ samples: floatSamples(pcm), sampleRate: SAMPLE_RATE_HZ });
    while (this.#spotter.isReady(stream)) {
      this.#spotter.decode(stream);
      const { keyword } = this.#spotter.getResult(stream);
      if (keyword === '') continue;
      this.#spotter.reset(stream);
      this.#listener(keyword);
    }
  }

  /** A new stream: `reset` of the library keeps the sound that is not decoded yet. */
  reset(): void {
    if (this.#stream) this.#stream = this.#spotter.createStream();
  }

  close(): void {
    this.#stream = undefined;
  }
}
