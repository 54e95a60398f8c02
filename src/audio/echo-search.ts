import { EchoReference } from './echo-reference.ts';
import { durationMs, samplesPerFrame } from './format.ts';
import { createResampler, type Resampler } from './resampler.ts';
import { emphasised, greatest, halved, type Match, similarities, takePeaks } from './resemblance.ts';

/** Speech has most of its strength below 4 kHz. Below 2 kHz voices that are like each other resemble each other too much. */
const RATE_HZ = 8_000;
/** Every place is tried at half the rate, and so many of the best closely. */
const CANDIDATES = 8;
/** How near each other no two of them are, and how far around them is looked; in samples of half the rate. */
const APART = 2;

export interface FoundEcho {
  /** How much later than it was to be heard the microphone heard it; negative: sooner. */
  readonly delayMs: number;
  /** How much of what the microphone heard it explains: correlation, 0 to 1. */
  readonly similarity: number;
}

/** What a microphone heard, as an `EchoSearch` wants it. */
export interface Heard {
  readonly pcm: Int16Array;
  /** When its first sample was captured. */
  readonly startMs: number;
}

/** Keeps the last moments of what a microphone hears. */
export class HeardMoments {
  readonly #pcm: Int16Array;
  readonly #toSearch: Resampler;
  #endMs = 0;

  constructor(sampleRateHz: number, lengthMs: number) {
    this.#pcm = new Int16Array(samplesPerFrame(RATE_HZ, lengthMs));
    this.#toSearch = createResampler(sampleRateHz, RATE_HZ);
  }

  /** `endMs`: when the last sample was captured. Lent. */
  push(pcm: Int16Array, endMs: number): void {
    const heard = this.#toSearch.push(pcm).subarray(-this.#pcm.length);
    this.#pcm.copyWithin(0, heard.length);
    this.#pcm.set(heard, this.#pcm.length - heard.length);
    this.#endMs = endMs;
  }

  /** Of these the last so many ms. */
  last(lengthMs: number): Heard {
    const pcm = this.#pcm.subarray(-samplesPerFrame(RATE_HZ, lengthMs));
    return { pcm, startMs: this.#endMs - durationMs(pcm.length, RATE_HZ) };
  }
}

/** How much earlier and later than promised an echo may be heard. */
export interface EchoRange {
  readonly leadMs: number;
  readonly latestMs: number;
}

/**
 * Looks for what a microphone has just heard in what was played, sample by sample. Costs two million products, and finds at
 * once and to a fraction of a millisecond what loudness alone tells after seconds. Times are in ms of one monotonic clock.
 */
export class EchoSearch {
  readonly #reference = new EchoReference(RATE_HZ);
  #toSearch: Resampler = createResampler(RATE_HZ, RATE_HZ);
  #farRateHz = RATE_HZ;

  /** What is played, and when its first sample is to be heard; lent. */
  pushFar(pcm: Int16Array, sampleRateHz: number, startMs: number): void {
    if (sampleRateHz !== this.#farRateHz) {
      this.#toSearch = createResampler(sampleRateHz, RATE_HZ);
      this.#farRateHz = sampleRateHz;
    }
    this.#reference.write(this.#toSearch.push(pcm), startMs);
  }

  /** What was played turns out to be heard so much later, in whole ms. */
  setFarClock(byMs: number): void {
    this.#reference.setClock(byMs);
  }

  /** What was to be heard later is not heard. */
  cutFar(atMs: number): void {
    this.#reference.cut(atMs);
    this.#toSearch.reset();
  }

  /** The best resemblance in the range, however weak; undefined when one of both is silent. */
  find({ pcm, startMs }: Heard, { leadMs, latestMs }: EchoRange): FoundEcho | undefined {
    const played = new Int16Array(samplesPerFrame(RATE_HZ, leadMs + latestMs) + pcm.length);
    this.#reference.read(played, startMs - latestMs);
    const best = bestMatch(pcm, played);
    if (!best) return undefined;
    return { delayMs: latestMs - durationMs(best.at, RATE_HZ), similarity: best.similarity };
  }
}

/** Where `pcm` lies in `played`; undefined when one of both is silent. */
function bestMatch(pcm: Int16Array, played: Int16Array): Match | undefined {
  const part = emphasised(pcm);
  const whole = emphasised(played);
  const roughly = similarities(emphasised(halved(pcm)), emphasised(halved(played)));
  const matches = takePeaks(roughly, CANDIDATES, APART).map((at) => matchNear(part, whole, 2 * at));
  return matches.reduce<Match | undefined>((a, b) => (a && a.similarity >= b.similarity ? a : b), undefined);
}

function matchNear(part: Float64Array, whole: Float64Array, place: number): Match {
  const from = Math.max(0, place - 2 * APART);
  const near = similarities(part, whole.subarray(from, place + 2 * APART + part.length));
  const at = greatest(near);
  return { at: from + at, similarity: near[at] ?? 0 };
}
