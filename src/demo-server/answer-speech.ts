import { samplesPerFrame } from '../audio/format.ts';
import { createResampler } from '../audio/resampler.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { createChime } from './chime.ts';
import { downlinkFormat, type SpokenAudio } from './device-link.ts';

export type SpeechLanguage = 'en' | 'zh';
export type Synthesize = (text: string, language: SpeechLanguage) => Promise<SpokenAudio | undefined>;
export type LoadWav = (path: string) => Promise<SpokenAudio>;

const maxSpokenCharacters = 600;
const maxSentences = 12;
/** A stand-in for a sentence is not longer than one. */
const maxRecordingMs = 3000;
const chineseCharacter = /\p{Script=Han}/u;

/** Which voice a text needs. */
export function languageOf(text: string): SpeechLanguage {
  return chineseCharacter.test(text) ? 'zh' : 'en';
}

/** A text in the pieces that real servers speak it in; the rest of a long one is one piece. */
export function sentencesOf(text: string): string[] {
  const all = text
    .split(/(?<=[。！？!?；;])|(?<=\.)\s+|\n+/u)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');
  const first = all.slice(0, maxSentences - 1);
  const rest = all.slice(maxSentences - 1).join(' ');
  return rest === '' ? first : [...first, rest];
}

/** Any rate to the downlink's. */
export function toDownlinkRate({ sampleRateHz, pcm }: SpokenAudio): Int16Array {
  if (sampleRateHz === downlinkFormat.sampleRateHz) return pcm;
  return createResampler(sampleRateHz, downlinkFormat.sampleRateHz).push(pcm);
}

export interface AnswerSpeechOptions {
  readonly synthesize?: Synthesize | undefined;
  readonly loadWav?: LoadWav | undefined;
  /** Spoken instead of the text when there is no voice. */
  readonly recording?: string | undefined;
  readonly logger: Logger;
}

/**
 * Text to PCM at the downlink's rate: a voice if there is one, else the recording, else a chime. Never rejects, because an
 * answer that makes no sound would leave the device waiting.
 */
export function createAnswerSpeech(options: AnswerSpeechOptions): (text: string) => Promise<Int16Array> {
  const { synthesize, loadWav, recording, logger } = options;
  let substitute: Promise<Int16Array> | undefined;

  async function loadSubstitute(): Promise<Int16Array> {
    if (recording !== undefined && loadWav) {
      try {
        const pcm = toDownlinkRate(await loadWav(recording));
        return pcm.subarray(0, samplesPerFrame(downlinkFormat.sampleRateHz, maxRecordingMs));
      } catch (thrown) {
        logger.warn('the recording for spoken answers cannot be used, a chime is sent instead', {
          reason: messageOf(thrown),
        });
      }
    }
    return createChime(downlinkFormat.sampleRateHz).pcm;
  }

  return async (text) => {
    try {
      const spoken = await synthesize?.(text.slice(0, maxSpokenCharacters), languageOf(text));
      if (spoken && spoken.pcm.length > 0) return toDownlinkRate(spoken);
    } catch (thrown) {
      logger.warn('speech synthesis failed', { reason: messageOf(thrown) });
    }
    substitute ??= loadSubstitute();
    return substitute;
  };
}
